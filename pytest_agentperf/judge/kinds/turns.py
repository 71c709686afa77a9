"""Calls that are new, gone, made again, or ask for other tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_agentperf.judge.kinds.edits import (
    ROUTE,
    grouped,
    paired,
    route,
    shown,
    slots,
    take,
    tool_parts,
    tools_asked,
)
from pytest_agentperf.judge.prompt_parts import SYSTEM, TALK, TOOLS, TURN
from pytest_agentperf.judge.timeline import Part
from pytest_agentperf.judge.trace import Slot, Trace
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.change import Edit
from pytest_agentperf.model.copying import replace


def missing(trace: Trace) -> Iterator[Edit]:
    for (_, tools), places in grouped((_step(slot), at) for at, slot in slots(trace) if slot.head is None):
        for at in places:
            trace.slots[at].present = False
            trace.line.remove(("call", at))
            for part in tool_parts(trace, at):
                trace.line.remove(part)
                trace.tools[part[1]].took_ns = 0
        _follow(trace, places)
        yield Edit(
            kind="missing-turn",
            key=(tools,),
            what=f"an LLM call{{of}}{tools} is no longer made",
            **shown(trace, places),
        )


def retries(trace: Trace) -> Iterator[Edit]:
    found = (((slot.agent, _failure(slot.call)), at) for at, slot in _new(trace) if slot.call.error is not None)
    for (_, failure), places in grouped(found):
        _insert(trace, places)
        what = f"LLM calls{{of}} fail ({failure}) and are made again"
        yield Edit(kind="retry", key=(failure,), what=what, **shown(trace, places))


def extra(trace: Trace) -> Iterator[Edit]:
    for (_, tools), places in grouped((_step(slot), at) for at, slot in _new(trace) if slot.call.error is None):
        _insert(trace, places)
        what = f"one more LLM call{{of}}{tools}"
        yield Edit(kind="extra-turn", key=(tools,), what=what, **shown(trace, places))


def _new(trace: Trace) -> Iterator[tuple[int, Slot]]:
    return ((at, slot) for at, slot in slots(trace) if slot.base is None)


def _failure(call: ModelCall) -> str:
    return f"status {call.status}" if call.status not in (None, 200) else (call.error or "").partition(":")[0]


def _step(slot: Slot) -> tuple[str, str]:
    tools = sorted({tool.name for tool in slot.call.tool_calls})
    return slot.agent, f" which asks for {', '.join(tools)}" if tools else ""


def _insert(trace: Trace, places: Sequence[int]) -> None:
    """The calls come in with the prompt and model that their agent had before: those have causes of their own."""
    for at in places:
        slot = trace.slots[at]
        slot.present = True
        if (like := _nearest(trace, at)) is not None:
            _as_before(slot, like)
    parts: list[Part] = [("call", at) for at in places]
    parts += [part for at in places for part in tool_parts(trace, at)]
    trace.add_work(parts)
    for kind, number in parts:
        if kind == "tool" and (span := trace.tools[number].head):
            trace.tools[number].took_ns = span.end_ns - span.start_ns
    _follow(trace, places)


def _nearest(trace: Trace, at: int) -> Slot | None:
    agent = trace.slots[at].agent
    same = [(abs(other - at), slot) for other, slot in slots(trace) if slot.matched and slot.agent == agent]
    return min(same, key=lambda pair: pair[0])[1] if same else None


def _as_before(slot: Slot, like: Slot) -> None:
    old, new, call = like.base, like.head, slot.call
    if old is None or new is None:
        return
    prompt, tokens = call.prompt, {}
    if new.prompt.system_digest == prompt.system_digest != old.prompt.system_digest:
        prompt = replace(prompt, system_digest=old.prompt.system_digest, system_size=old.prompt.system_size)
        tokens[SYSTEM] = like.tokens.get(SYSTEM, 0)
    if new.prompt.tools_digest == prompt.tools_digest != old.prompt.tools_digest:
        prompt = replace(prompt, tools_digest=old.prompt.tools_digest, tools_size=old.prompt.tools_size)
        tokens[TOOLS] = like.tokens.get(TOOLS, 0)
    slot.tokens = tokens
    if route(new) == route(call) != route(old):
        call = replace(call, **{name: getattr(old, name) for name in ROUTE})
    slot.sizes = {part: like.sizes.get(part, 0) for part in tokens}
    slot.call = replace(call, prompt=prompt, request_size=call.request_size - sum(slot.sizes.values()))
    if call.usage is not None:
        slot.add(input=-sum(tokens.values()))


def _follow(trace: Trace, places: Sequence[int]) -> None:
    """What later calls of the same agent carry of these turns comes and goes with them, and so do numbers of turns."""
    changed = [at for at, slot in slots(trace) if not slot.matched]
    for at, slot in slots(trace):
        if slot.matched and slot.head:
            slot.call = replace(slot.call, turn=slot.head.turn)
            before = [other for other in changed if other < at and trace.slots[other].agent == slot.agent]
            if before and before[-1] in places:
                take(slot, TALK)
                take(slot, ("result", TURN))


def asked(trace: Trace) -> Iterator[Edit]:
    """The same call asks for other tools, or tools that it asks for run now and did not, or the other way round."""
    odd = {tool.slot for tool in trace.tools if not paired(tool)}
    found = (
        ((slot.agent, tools_asked(slot.call), tools_asked(slot.head)), at)
        for at, slot in slots(trace)
        if slot.matched and slot.head and (at in odd or tools_asked(slot.call) != tools_asked(slot.head))
    )
    for (agent, old, new), places in grouped(found):
        for at in places:
            slot = trace.slots[at]
            slot.call = replace(slot.call, tool_calls=slot.head.tool_calls if slot.head else ())
            for part in tool_parts(trace, at):
                tool = trace.tools[part[1]]
                if tool.head is None:
                    trace.line.remove(part)
                    tool.took_ns = 0
                elif tool.base is None:
                    trace.add_work([part])
                    tool.took_ns = tool.head.end_ns - tool.head.start_ns
        what = f"an answer{{of}} asks for {new or 'no tool'} and asked for {old or 'none'}"
        what = what if old != new else f"other runs of the tools {new} that an answer{{of}} asks for"
        yield Edit(kind="tools-asked", key=(agent, old, new), what=what, **shown(trace, places))
