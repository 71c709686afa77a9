"""What the finders of edits have in common: to find the places, to group them, and to make a trace more like the run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from pytest_agentperf.judge.timeline import Part
from pytest_agentperf.judge.trace import PartOfPrompt, Slot, Tool, Trace
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.copying import replace

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


ROUTE = ("provider", "api", "model", "requested_model", "service_tier")
"""Of `ModelCall`, by which model it was answered."""


def tools_asked(call: ModelCall) -> str:
    """`fetch (2), search`."""
    asked = Counter(tool.name for tool in call.tool_calls)
    return ", ".join(f"{name} ({times})" if times > 1 else name for name, times in sorted(asked.items()))


def slots(trace: Trace) -> Iterator[tuple[int, Slot]]:
    return enumerate(trace.slots)


def grouped(pairs: Iterable[tuple[K, V]]) -> Iterator[tuple[K, list[V]]]:
    """By first parts, in the order that these come; all found before the first edit is made."""
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    yield from list(groups.items())


def shown(trace: Trace, places: Sequence[int]) -> dict[str, Any]:
    """Whose calls they are, and which of the run."""
    found = [trace.slots[at] for at in places]
    return {
        "agents": tuple(dict.fromkeys(slot.agent for slot in found if slot.agent)),
        "calls": tuple(slot.head.index for slot in found if slot.head),
    }


def tool_parts(trace: Trace, at: int) -> list[Part]:
    return [("tool", number) for number, tool in enumerate(trace.tools) if tool.slot == at]


def paired(tool: Tool) -> bool:
    return tool.base is not None and tool.head is not None


def route(call: ModelCall) -> tuple[object, ...]:
    return tuple(getattr(call, name) for name in ROUTE)


def cache_reads(call: ModelCall | None) -> int:
    return (call.usage.cache_read or 0) if call and call.usage else 0


def output(call: ModelCall) -> int | None:
    return call.usage.output if call.usage else None


def times(trace: Trace, at: int, call: ModelCall, *, goal: bool = False) -> tuple[int, int | None]:
    line = trace.goal if goal else trace.line
    return line.work["call", at].took_ns, None if call.first_byte_ns is None else call.first_byte_ns - call.start_ns


def take(slot: Slot, part: PartOfPrompt) -> None:
    """A part of the prompt becomes what it is in the run, with its tokens and bytes."""
    head = slot.head
    if head is None:
        return
    prompt = slot.call.prompt
    fields = {name: getattr(head.prompt, name) for name in _FIELDS[part[0]]}
    slot.call = replace(
        slot.call,
        prompt=replace(prompt, **fields),
        request_size=slot.call.request_size + slot.sizes.pop(part, 0),
    )
    tokens = slot.tokens.pop(part, 0)
    read, written = slot.cached.pop(part, (0, 0))
    if tokens or read or written:
        slot.add(input=tokens, cache_read=read, cache_write=written)


_FIELDS = {
    "system": ("system_digest", "system_size"),
    "tools": ("tools_digest", "tools_size", "parallel_tools"),
    "talk": ("messages",),
    "result": ("results",),
}
"""Of `Prompt`, by part."""


def take_cache(slot: Slot) -> None:
    usage = slot.head.usage if slot.head else None
    if usage is not None:
        slot.use(cache_read=usage.cache_read, cache_write=usage.cache_write, cache_write_1h=usage.cache_write_1h)


def take_answer(trace: Trace, at: int, *, time: bool = True) -> None:
    """The answer becomes what it is in the run; with its time, if there is one."""
    slot = trace.slots[at]
    head = slot.head
    if head is None:
        return
    if head.usage is not None:
        usage = head.usage
        slot.use(output=usage.output, reasoning=usage.reasoning, audio_output=usage.audio_output)
    kept: dict[str, object] = {
        "response_size": head.response_size,
        "answer_digest": head.answer_digest,
        "wire_cost": head.wire_cost,
        "side_calls": head.side_calls,
    }
    if time:
        kept |= {name: getattr(head, name) for name in ("start_ns", "first_byte_ns", "end_ns", "timing", "streamed")}
        if ("call", at) in trace.goal.work:
            trace.set_work(("call", at), took_ns=trace.goal.work["call", at].took_ns)
    slot.call = replace(slot.call, **kept)
