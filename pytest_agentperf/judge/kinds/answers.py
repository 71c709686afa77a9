"""What a model answers and how fast."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.judge.kinds.edits import grouped, output, shown, slots, take, take_answer, times
from pytest_agentperf.judge.prompt_parts import TALK
from pytest_agentperf.judge.trace import Trace
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.change import Edit


def recorded(trace: Trace) -> Iterator[Edit]:
    """Other answers to the same requests: their length and their speed are the provider's luck."""
    asked_anew = _asked_anew(trace)
    places = [
        at
        for at, slot in slots(trace)
        if slot.matched and slot.head and slot.call.answer_digest != slot.head.answer_digest and at not in asked_anew
    ]
    if not places:
        return
    agents = {trace.slots[at].agent for at in places}
    for at in places:
        take_answer(trace, at)
    for at, slot in slots(trace):
        if at > places[0] and slot.matched and slot.agent in agents:
            take(slot, TALK)
    what = "answers were recorded again: what differs is their length and their speed"
    yield Edit(kind="re-recorded", key=(), what=what, **shown(trace, places))


def _asked_anew(trace: Trace) -> set[int]:
    """Places of requests that are not what they were, or that follow one in their conversation, but for the model's words."""
    found: set[int] = set()
    changed: set[str] = set()
    for at, slot in slots(trace):
        if slot.base and slot.head:
            if slot.head.turn == 1:
                changed.discard(slot.agent)
            if slot.agent in changed or _said(slot.base) != _said(slot.head):
                changed.add(slot.agent)
                found.add(at)
    return found


def _said(call: ModelCall) -> tuple[object, ...]:
    """What others than the model, and its tools, say in a request: as far as a skeleton tells, by size after its first answer."""
    own, others = call.prompt.messages
    return call.prompt.system_digest, call.prompt.tools_digest, others.size, "" if own.size else others.digest


def longer(trace: Trace) -> Iterator[Edit]:
    found = (
        (slot.agent, at)
        for at, slot in slots(trace)
        if slot.head and slot.present and output(slot.call) != output(slot.head)
    )
    for agent, places in grouped(found):
        each = tuple(
            (output(slot.head) or 0) - (output(slot.call) or 0) for at in places if (slot := trace.slots[at]).head
        )
        for at in places:
            took, goal = _by_length(trace, at), trace.goal.work["call", at].took_ns
            take_answer(trace, at, time=took == goal)
            trace.set_work(("call", at), took_ns=took)
        for at, slot in slots(trace):
            if at > places[0] and slot.matched and slot.agent == agent:
                take(slot, TALK)
        what = "answers{of}"
        yield Edit(kind="output", key=(agent,), what=what, each=each, unit="tokens", **shown(trace, places))


def _by_length(trace: Trace, at: int) -> int:
    """How long the run's answer would take at the baseline's pace, by token from its first byte on; no further than it does."""
    slot = trace.slots[at]
    then, now = output(slot.call), output(slot.head) if slot.head else None
    was, goal = (line.work["call", at].took_ns for line in (trace.line, trace.goal))
    if not then or not now:
        return goal
    streamed = slot.call.streamed and slot.call.first_byte_ns is not None
    first = (slot.call.first_byte_ns or 0) - slot.call.start_ns if streamed else 0
    told = first + (was - first) * now // then
    return min(told, max(was, goal)) if now > then else max(told, min(was, goal))


def anew(trace: Trace) -> Iterator[Edit]:
    """Answers to other requests: what is not told by their length is luck, too."""
    places = [
        at
        for at, slot in slots(trace)
        if slot.base
        and slot.head
        and slot.base.answer_digest != slot.head.answer_digest
        and times(trace, at, slot.call) != times(trace, at, slot.head, goal=True)
    ]
    if places:
        for at in places:
            take_answer(trace, at)
        what = "answers{of} to changed requests were recorded: what differs besides their length is their speed"
        yield Edit(kind="recorded-anew", key=(), what=what, **shown(trace, places))


def speed(trace: Trace) -> Iterator[Edit]:
    found = (
        (slot.head.model, at)
        for at, slot in slots(trace)
        if slot.head and slot.present and times(trace, at, slot.call) != times(trace, at, slot.head, goal=True)
    )
    for model, places in grouped(found):
        each = []
        for at in places:
            before = trace.line.work["call", at].took_ns
            take_answer(trace, at)
            each.append((trace.line.work["call", at].took_ns - before) // 1_000_000)
        yield Edit(kind="model-time", key=(model,), what=model, each=tuple(each), unit="ms", **shown(trace, places))


def talk(trace: Trace) -> Iterator[Edit]:
    found = ((slot.agent, at) for at, slot in slots(trace) if slot.present and TALK in slot.tokens)
    for agent, places in grouped(found):
        each = tuple(trace.slots[at].tokens[TALK] for at in places)
        for at in places:
            take(trace.slots[at], TALK)
        what = "the conversation{of}"
        yield Edit(kind="context", key=(agent,), what=what, each=each, unit="tokens", **shown(trace, places))
