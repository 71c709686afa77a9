"""Another model, and what grew in a prompt or left the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_agentperf.judge.kinds.edits import (
    ROUTE,
    cache_reads,
    grouped,
    route,
    shown,
    slots,
    take,
    take_answer,
    take_cache,
)
from pytest_agentperf.judge.prompt_parts import SYSTEM, TOOLS, cache_changed
from pytest_agentperf.judge.trace import PartOfPrompt, Trace
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.change import Edit
from pytest_agentperf.model.copying import replace


def switched(trace: Trace) -> Iterator[Edit]:
    """The tokens and the time of the answers go with the model that writes them."""
    found = (
        ((slot.agent, slot.call.model, slot.head.model), at)
        for at, slot in slots(trace)
        if slot.head and slot.present and route(slot.call) != route(slot.head)
    )
    for (_, old, new), places in grouped(found):
        for at in places:
            slot = trace.slots[at]
            if slot.head is None:
                continue
            slot.call = replace(
                slot.call,
                **{name: getattr(slot.head, name) for name in ROUTE},
                request_size=slot.head.request_size - sum(slot.sizes.values()),  # but for the parts that change later
            )
            if not slot.tokens and slot.head.usage:
                slot.use(input=slot.head.usage.input)
            if cache_changed(slot.call, slot.head):
                take_cache(slot)
            take_answer(trace, at)
        how = f"{new} came over another route or service tier" if old == new else f"switched from {old} to {new}"
        what = f"the model{{of}} {how}"
        yield Edit(kind="model", key=(old, new), what=what, **shown(trace, places))


def system(trace: Trace) -> Iterator[Edit]:
    return _part(trace, SYSTEM, "system-prompt", "system prompt", lambda call: call.prompt.system_digest)


def schema(trace: Trace) -> Iterator[Edit]:
    return _part(trace, TOOLS, "tool-schema", "tool schemas", lambda call: call.prompt.tools_digest)


def _part(trace: Trace, part: PartOfPrompt, kind: str, name: str, digest: Callable[[ModelCall], str]) -> Iterator[Edit]:
    found = (
        ((digest(slot.call), digest(slot.head)), at)
        for at, slot in slots(trace)
        if slot.head and slot.present and digest(slot.call) != digest(slot.head)
    )
    for (old, new), places in grouped(found):
        each = tuple(trace.slots[at].tokens.get(part, 0) for at in places)
        for at in places:
            take(trace.slots[at], part)
        what = f"{name}{{of}}"
        yield Edit(kind=kind, key=(old, new), what=what, each=each, unit="tokens", **shown(trace, places))


def results(trace: Trace) -> Iterator[Edit]:
    found = ((part[1], at) for at, slot in slots(trace) if slot.present for part in slot.tokens if part[0] == "result")
    for tool, places in grouped(found):
        each = tuple(trace.slots[at].tokens["result", tool] for at in places)
        for at in places:
            take(trace.slots[at], ("result", tool))
        what = f"what {tool or 'a tool'} returns"
        yield Edit(kind="tool-result", key=(tool,), what=what, each=each, unit="tokens", **shown(trace, places))


def cache_lost(trace: Trace) -> Iterator[Edit]:
    return _cache(trace, "cache-lost", lost=True)


def cache_hit(trace: Trace) -> Iterator[Edit]:
    return _cache(trace, "cache-hit", lost=False)


def _cache(trace: Trace, kind: str, *, lost: bool) -> Iterator[Edit]:
    found = (
        ((slot.agent, slot.call.model), at)
        for at, slot in slots(trace)
        if slot.head
        and slot.present
        and cache_changed(slot.call, slot.head)
        and (cache_reads(slot.call) > cache_reads(slot.head)) == lost
    )
    for (agent, model), places in grouped(found):
        each = tuple(cache_reads(slot.head) - cache_reads(slot.call) for at in places if (slot := trace.slots[at]).head)
        for at in places:
            take_cache(trace.slots[at])
        yield Edit(
            kind=kind,
            key=(agent, model),
            what="what the prompt cache{of} serves",
            each=each,
            unit="tokens",
            **shown(trace, places),
        )
