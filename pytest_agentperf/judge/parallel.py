"""Whether certain tools ran at once."""

from __future__ import annotations

from collections.abc import Collection

from pytest_agentperf.analyze.batches import batches
from pytest_agentperf.model.metric import SEQUENTIAL
from pytest_agentperf.model.profile import Profile


def not_parallel(profile: Profile, tools: Collection[str], *, min_loss_ms: float) -> str:
    """What is wrong with it, over some lines; empty where they ran at once in each turn that asked for several of them."""
    names = ", ".join(tools) or "any tools"
    asking = [batch for batch in batches(profile) if _several([call.name for call in batch.call.tool_calls], tools)]
    if not asking:
        offered = ", ".join(dict.fromkeys(t.name for c in profile.calls for t in c.tool_calls)) or "none"
        return f"no turn asked for several calls of {names}, so nothing is proven (asked for: {offered})"
    blind = [batch for batch in asking if not _several([asked.name for asked in batch.executed], tools)]
    if blind:
        return f"nobody saw {names} run in {len(blind)} of {len(asking)} turns, so nothing is proven"
    about = {batch.call.index for batch in asking}
    spans = {span.id: span.name for span in profile.spans}
    lines = []
    for found in profile.findings:
        ran = [spans[id_] for id_ in found.spans]
        lost = found.code == SEQUENTIAL and (found.lost_ms or 0) > min_loss_ms
        if lost and about.issuperset(found.calls) and _several(ran, tools):
            lines += [found.message, f"  fix: {found.fix}"]
    return "\n".join([f"{names} did not run at once", *(f"  {line}" for line in lines)]) if lines else ""


def _several(names: list[str], tools: Collection[str]) -> bool:
    return sum(not tools or name in tools for name in names) > 1
