"""A wait for tools of which baselines keep nothing, explained by what was seen in the run.

Tools that only the detector sees are in no skeleton. All that both sides know is the time between the answer that asks for
them and the next call; why it grew, the run itself may tell.
"""

from __future__ import annotations

from dataclasses import replace
from math import isclose

from pytest_agentperf.model.change import Edit
from pytest_agentperf.model.metric import SEQUENTIAL
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import SpanKind

_NOISE_MS = 10


def explained(edit: Edit, seen: Profile) -> Edit:
    """They run one after the other, if that loses as much time; else it is the wait for the tool that ends last."""
    if edit.kind != "between-calls":
        return edit
    (tools,) = edit.key
    lost = [
        found.lost_ms or 0
        for found in seen.findings
        if found.code == SEQUENTIAL and set(found.tools) == {*tools.split(", ")}
    ]
    if lost and isclose(sum(lost), sum(edit.each), rel_tol=0.02, abs_tol=_NOISE_MS):
        what = f"{tools}{{of}} run one after the other, and no longer at once"
        return replace(edit, kind="parallel-lost", key=("".join(edit.agents[:1]), tools), what=what, each=())
    last = {_last_before(call, seen) for call in edit.calls}
    if len(last) == 1 and (tool := last.pop()) in tools.split(", "):
        return replace(edit, key=(tool,), what=f"the wait for {tool}, the last tool before the next LLM call,")
    return edit


def _last_before(call: int, seen: Profile) -> str:
    """The tool that ended last before a call, given by its place; empty where none did."""
    start = seen.calls[call].start_ns
    over = [span for span in seen.spans if span.kind is SpanKind.TOOL and span.end_ns <= start]
    return max(over, key=lambda span: span.end_ns).name if over else ""
