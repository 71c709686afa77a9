"""What a model answers and how fast."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.judge.kinds.edits import grouped, output, shown, slots, take, take_answer, times
from pytest_agentperf.judge.prompt_parts import TALK
from pytest_agentperf.judge.trace import Slot, Trace
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.change import Edit


def recorded(trace: Trace) -> Iterator[Edit]:
    """Answers of another recording: their length and their speed are the provider's luck."""
    places = [
        at
        for at, slot in slots(trace)
        if slot.matched and slot.head and slot.call.answer_digest != slot.head.answer_digest
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
            take_answer(trace, at, time=_same_pace(trace.slots[at]))
        for at, slot in slots(trace):
            if at > places[0] and slot.matched and slot.agent == agent:
                take(slot, TALK)
        what = "answers{of}"
        yield Edit(kind="output", key=(agent,), what=what, each=each, unit="tokens", **shown(trace, places))


def _same_pace(slot: Slot) -> bool:
    """Whether an answer's time is told by its length: no stream says that the model became slower or faster."""
    paces = [_pace(call) for call in (slot.call, slot.head) if call]
    return None in paces or all(abs(a - b) <= _SAME_PACE * b for a, b in zip(*paces, strict=True))


_SAME_PACE = 0.05


def _pace(call: ModelCall) -> tuple[float, float] | None:
    """Of a streamed answer, time to its first byte, and for each token from there on."""
    if call.first_byte_ns is None or call.end_ns is None or not call.streamed:
        return None
    return call.first_byte_ns - call.start_ns, (call.end_ns - call.first_byte_ns) / (output(call) or 1)


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
