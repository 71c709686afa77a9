"""When tools run and how long, and the time between calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pytest_agentperf.judge.kinds.edits import grouped, paired, shown, slots, tool_parts
from pytest_agentperf.judge.trace import Trace
from pytest_agentperf.model.change import Edit


def one_by_one(tools: Iterable[str], **shown_at: Any) -> Edit:
    """Of all agents and tools the same cause: what runs their tools is, as a rule, one place in the code."""
    what = "tools{of} run one after the other, and no longer at once: {tools}"
    return Edit(kind="parallel-lost", key=(), what=what, tools=tuple(tools), **shown_at)


def lost(trace: Trace) -> Iterator[Edit]:
    """Tools of one answer that ran at once and now wait for each other."""
    tools, places = _reorder(trace, later=True)
    if places:
        yield one_by_one(tools, **shown(trace, places))


def won(trace: Trace) -> Iterator[Edit]:
    """Tools of one answer that waited for each other and now run at once."""
    tools, places = _reorder(trace, later=False)
    if places:
        what = "tools{of} run at once, and no longer one after the other: {tools}"
        yield Edit(kind="parallel-won", key=(), what=what, tools=tuple(tools), **shown(trace, places))


def _reorder(trace: Trace, *, later: bool) -> tuple[list[str], list[int]]:
    """Make the tools of answers wait for more, or fewer, of each other, as in the run: which tools, and the answers' places."""
    places, names = [], set()
    for at, slot in slots(trace):
        parts = {part for part in tool_parts(trace, at) if paired(trace.tools[part[1]])}
        then, now = (
            sum(len(line.work[p].after & parts) for p in parts if p in line.work) for line in (trace.line, trace.goal)
        )
        if slot.matched and then != now and (now > then) == later:
            names |= {trace.tools[part[1]].name for part in parts}
            places.append(at)
    if places:
        parts = {part for at in places for part in tool_parts(trace, at)}
        for part, goal in trace.goal.work.items():
            if part in parts or (part in trace.line.work and parts & (goal.after ^ trace.line.work[part].after)):
                trace.set_work(part, after=goal.after, lag_ns=goal.lag_ns)
    return sorted(names), places


def slower(trace: Trace) -> Iterator[Edit]:
    found = (
        (tool.name, number)
        for number, tool in enumerate(trace.tools)
        if tool.base and tool.head and tool.took_ns != tool.head.end_ns - tool.head.start_ns
    )
    for name, numbers in grouped(found):
        each = []
        for number in numbers:
            tool = trace.tools[number]
            took = tool.head.end_ns - tool.head.start_ns if tool.head else 0
            each.append((took - tool.took_ns) // 1_000_000)
            tool.took_ns = took
            trace.set_work(("tool", number), took_ns=took)
        yield Edit(kind="tool-time", key=(name,), what=f"tool {name}", each=tuple(each), unit="ms")


def unseen(trace: Trace) -> Iterator[Edit]:
    """Tools that nobody saw run: the time between the answer that asks for them and the next call."""
    found = []
    for part, work in trace.line.work.items():
        goal = trace.goal.work.get(part)
        asked = {tool.name for kind, at in work.after if kind == "call" for tool in trace.slots[at].call.tool_calls}
        if goal and part[0] == "call" and asked and goal.after == work.after and goal.lag_ns != work.lag_ns:
            found.append((tuple(sorted(asked)), part))
    for names, parts in grouped(found):
        each = tuple((trace.goal.work[part].lag_ns - trace.line.work[part].lag_ns) // 1_000_000 for part in parts)
        for part in parts:
            trace.set_work(part, lag_ns=trace.goal.work[part].lag_ns)
        places = [at for _, at in parts]
        yield Edit(
            kind="between-calls",
            key=names,
            what="the time from asking for {tools} to the next LLM call",
            each=each,
            unit="ms",
            tools=names,
            **shown(trace, places),
        )


def own(trace: Trace) -> Iterator[Edit]:
    """What is left of the time: the agent's own, between its calls and tools."""
    if trace.line.work == trace.goal.work and trace.line.tail_ns == trace.goal.tail_ns:
        return
    trace.line.work, trace.line.tail_ns = dict(trace.goal.work), trace.goal.tail_ns
    for tool in trace.tools:
        tool.took_ns = tool.head.end_ns - tool.head.start_ns if tool.head else 0
    yield Edit(kind="own-time", key=(), what="time between LLM calls and tools, or the order of them, changed")
