"""A wait for tools of which baselines keep nothing, explained by what was seen in the run.

Tools that only the detector sees are in no skeleton. All that both sides know is the time between the answer that asks for
them and the next call; why it grew, the run itself may tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isclose

from pytest_agentperf.judge.kinds.tools import one_by_one
from pytest_agentperf.model.change import Edit, Step
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.metric import SEQUENTIAL
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import TestRun
from pytest_agentperf.model.span import SpanKind

_NOISE_MS = 10


def explained(edit: Edit, seen: Profile) -> Edit:
    """They run one after the other, if that loses as much time; else it is the wait for the tool that ends last."""
    if edit.kind != "between-calls":
        return edit
    lost = [
        found.lost_ms or 0
        for found in seen.findings
        if found.code == SEQUENTIAL and set(found.tools) == set(edit.tools)
    ]
    if lost and isclose(sum(lost), sum(edit.each), rel_tol=0.02, abs_tol=_NOISE_MS):
        return one_by_one(edit.tools, agents=edit.agents, calls=edit.calls)
    last = {_last_before(call, seen) for call in edit.calls}
    if len(last) == 1 and (tool := last.pop()) in edit.tools:
        what = "the wait for {tools}, the last tool before the next LLM call,"
        return replace(edit, key=(tool,), tools=(tool,), what=what)
    return edit


def by_fewest_tools(found: Sequence[tuple[TestRun, Step]]) -> Iterator[tuple[TestRun, Step]]:
    """The same, where waits that follow the same tool are one cause, whichever others are asked for with it.

    The tool that most of them follow comes first, then that of the most of the rest: few slow tools explain many waits.
    """
    waits = [(test, step) for test, step in found if _is_wait(step.edit)]
    yield from ((test, step) for test, step in found if not _is_wait(step.edit))
    while waits:
        often = Counter(tool for _, step in waits for tool in step.edit.tools)
        most = min(often, key=lambda tool: (-often[tool], tool))
        group = [(test, step) for test, step in waits if most in step.edit.tools]
        common = tuple(sorted(set.intersection(*(set(step.edit.tools) for _, step in group))))
        for test, step in group:
            yield test, replace(step, edit=replace(step.edit, key=common, tools=common))
        waits = [(test, step) for test, step in waits if most not in step.edit.tools]


def _is_wait(edit: Edit) -> bool:
    return edit.kind == "between-calls" and bool(edit.tools)


def _last_before(call: int, seen: Profile) -> str:
    """The tool that ended last before a call, given by its place; empty where none did."""
    start = seen.calls[call].start_ns
    over = [span for span in seen.spans if span.kind is SpanKind.TOOL and span.end_ns <= start]
    return max(over, key=lambda span: span.end_ns).name if over else ""
