"""The table of causes: for each kind, how its edits are found and made. In this order, for what stands first explains more.

A finder makes an edit to the trace and then yields it, so that whoever reads it can weigh the trace before and after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pytest_agentperf.judge.prompt_parts import SYSTEM, TALK, TOOLS, TURN, allocate, cache_changed
from pytest_agentperf.judge.timeline import Part
from pytest_agentperf.judge.trace import PartOfPrompt, Slot, Tool, Trace
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.change import Edit

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


Finder = Callable[[Trace], Iterator[Edit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    find: Finder
    more: str = "grew by"
    less: str = "shrank by"
    luck: bool = False
    """A provider's: it changes with each recording, and fails nothing."""


def prepare(trace: Trace) -> None:
    """Divide each call's change among the parts of its prompt, before any edit is made."""
    known = {slot.base.index: slot.matched for slot in trace.slots if slot.base}
    fresh = {slot.head.index: slot.matched for slot in trace.slots if slot.head}
    before = _names(trace.base.calls, known)
    after = _names(trace.head.calls, fresh)
    for slot in trace.slots:
        if slot.matched:
            allocate(slot, before, after)


def _names(calls: Sequence[ModelCall], matched: dict[int, bool]) -> dict[str, str]:
    """Tool of each tool call by its id; one that only a turn of this side asked for belongs to that turn."""
    return {tool.id or "": tool.name if matched[call.index] else TURN for call in calls for tool in call.tool_calls}


# -- turns -----------------------------------------------------------------------------------------------------------------


def _missing(trace: Trace) -> Iterator[Edit]:
    for (_, tools), places in _grouped((_step(slot), at) for at, slot in _slots(trace) if slot.head is None):
        for at in places:
            trace.slots[at].present = False
            trace.line.remove(("call", at))
            for part in _tool_parts(trace, at):
                trace.line.remove(part)
                trace.tools[part[1]].took_ns = 0
        _follow(trace, places)
        yield Edit(
            kind="missing-turn", key=(tools,), what=f"an LLM call{{of}}{tools} is no longer made", **_at(trace, places)
        )


def _retries(trace: Trace) -> Iterator[Edit]:
    found = (((slot.agent, _failure(slot.call)), at) for at, slot in _new(trace) if slot.call.error is not None)
    for (_, failure), places in _grouped(found):
        _insert(trace, places)
        what = f"LLM calls{{of}} fail ({failure}) and are made again"
        yield Edit(kind="retry", key=(failure,), what=what, **_at(trace, places))


def _extra(trace: Trace) -> Iterator[Edit]:
    for (_, tools), places in _grouped((_step(slot), at) for at, slot in _new(trace) if slot.call.error is None):
        _insert(trace, places)
        what = f"one more LLM call{{of}}{tools}"
        yield Edit(kind="extra-turn", key=(tools,), what=what, **_at(trace, places))


def _new(trace: Trace) -> Iterator[tuple[int, Slot]]:
    return ((at, slot) for at, slot in _slots(trace) if slot.base is None)


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
    parts += [part for at in places for part in _tool_parts(trace, at)]
    trace.add_work(parts)
    for kind, number in parts:
        if kind == "tool" and (span := trace.tools[number].head):
            trace.tools[number].took_ns = span.end_ns - span.start_ns
    _follow(trace, places)


def _nearest(trace: Trace, at: int) -> Slot | None:
    agent = trace.slots[at].agent
    same = [(abs(other - at), slot) for other, slot in _slots(trace) if slot.matched and slot.agent == agent]
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
    if _model(new) == _model(call) != _model(old):
        call = replace(call, **{name: getattr(old, name) for name in _MODEL})
    slot.sizes = {part: like.sizes.get(part, 0) for part in tokens}
    slot.call = replace(call, prompt=prompt, request_size=call.request_size - sum(slot.sizes.values()))
    if call.usage is not None:
        slot.add(input=-sum(tokens.values()))


def _follow(trace: Trace, places: Sequence[int]) -> None:
    """What later calls of the same agent carry of these turns comes and goes with them, and so do numbers of turns."""
    changed = [at for at, slot in _slots(trace) if not slot.matched]
    for at, slot in _slots(trace):
        if slot.matched and slot.head:
            slot.call = replace(slot.call, turn=slot.head.turn)
            before = [other for other in changed if other < at and trace.slots[other].agent == slot.agent]
            if before and before[-1] in places:
                _take(slot, TALK)
                _take(slot, ("result", TURN))


def _asked(trace: Trace) -> Iterator[Edit]:
    """The same call asks for other tools, or tools that it asks for run now and did not, or the other way round."""
    odd = {tool.slot for tool in trace.tools if not _paired(tool)}
    found = (
        ((slot.agent, _tools(slot.call), _tools(slot.head)), at)
        for at, slot in _slots(trace)
        if slot.matched and slot.head and (at in odd or _tools(slot.call) != _tools(slot.head))
    )
    for (agent, old, new), places in _grouped(found):
        for at in places:
            slot = trace.slots[at]
            slot.call = replace(slot.call, tool_calls=slot.head.tool_calls if slot.head else ())
            for part in _tool_parts(trace, at):
                tool = trace.tools[part[1]]
                if tool.head is None:
                    trace.line.remove(part)
                    tool.took_ns = 0
                elif tool.base is None:
                    trace.add_work([part])
                    tool.took_ns = tool.head.end_ns - tool.head.start_ns
        what = f"an answer{{of}} asks for {new or 'no tool'} and asked for {old or 'none'}"
        what = what if old != new else f"other runs of the tools {new} that an answer{{of}} asks for"
        yield Edit(kind="tools-asked", key=(agent, old, new), what=what, **_at(trace, places))


def _tools(call: ModelCall) -> str:
    return ", ".join(sorted(tool.name for tool in call.tool_calls))


# -- models and prompts ----------------------------------------------------------------------------------------------------

_MODEL = ("provider", "api", "model", "requested_model", "service_tier")


def _switched(trace: Trace) -> Iterator[Edit]:
    """The tokens and the time of the answers go with the model that writes them."""
    found = (
        ((slot.agent, slot.call.model, slot.head.model), at)
        for at, slot in _slots(trace)
        if slot.head and slot.present and _model(slot.call) != _model(slot.head)
    )
    for (_, old, new), places in _grouped(found):
        for at in places:
            slot = trace.slots[at]
            if slot.head is None:
                continue
            slot.call = replace(slot.call, **{name: getattr(slot.head, name) for name in _MODEL})
            if not slot.tokens and slot.head.usage:
                slot.use(input=slot.head.usage.input)
            if cache_changed(slot.call, slot.head):
                _take_cache(slot)
            _take_answer(trace, at)
        how = f"{new} came over another route or service tier" if old == new else f"switched from {old} to {new}"
        what = f"the model{{of}} {how}"
        yield Edit(kind="model", key=(old, new), what=what, **_at(trace, places))


def _system(trace: Trace) -> Iterator[Edit]:
    return _part(trace, SYSTEM, "system-prompt", "system prompt", lambda call: call.prompt.system_digest)


def _schema(trace: Trace) -> Iterator[Edit]:
    return _part(trace, TOOLS, "tool-schema", "tool schemas", lambda call: call.prompt.tools_digest)


def _part(trace: Trace, part: PartOfPrompt, kind: str, name: str, digest: Callable[[ModelCall], str]) -> Iterator[Edit]:
    found = (
        ((digest(slot.call), digest(slot.head)), at)
        for at, slot in _slots(trace)
        if slot.head and slot.present and digest(slot.call) != digest(slot.head)
    )
    for (old, new), places in _grouped(found):
        each = tuple(trace.slots[at].tokens.get(part, 0) for at in places)
        for at in places:
            _take(trace.slots[at], part)
        what = f"{name}{{of}}"
        yield Edit(kind=kind, key=(old, new), what=what, each=each, unit="tokens", **_at(trace, places))


def _results(trace: Trace) -> Iterator[Edit]:
    found = ((part[1], at) for at, slot in _slots(trace) if slot.present for part in slot.tokens if part[0] == "result")
    for tool, places in _grouped(found):
        each = tuple(trace.slots[at].tokens["result", tool] for at in places)
        for at in places:
            _take(trace.slots[at], ("result", tool))
        what = f"what {tool or 'a tool'} returns"
        yield Edit(kind="tool-result", key=(tool,), what=what, each=each, unit="tokens", **_at(trace, places))


def _cache(trace: Trace) -> Iterator[Edit]:
    found = (
        ((slot.agent, slot.call.model, _reads(slot.call) > _reads(slot.head)), at)
        for at, slot in _slots(trace)
        if slot.head and slot.present and cache_changed(slot.call, slot.head)
    )
    for (agent, model, lost), places in _grouped(found):
        each = tuple(_reads(slot.head) - _reads(slot.call) for at in places if (slot := trace.slots[at]).head)
        for at in places:
            _take_cache(trace.slots[at])
        yield Edit(
            kind="cache-lost" if lost else "cache-hit",
            key=(agent, model),
            what="what the prompt cache{of} serves",
            each=each,
            unit="tokens",
            **_at(trace, places),
        )


# -- tools and time --------------------------------------------------------------------------------------------------------


def _parallel(trace: Trace) -> Iterator[Edit]:
    """Tools of one answer that ran at once and now wait for each other, or the other way round."""
    found = []
    for at, slot in _slots(trace):
        parts = {part for part in _tool_parts(trace, at) if _paired(trace.tools[part[1]])}
        then, now = (
            sum(len(line.work[p].after & parts) for p in parts if p in line.work) for line in (trace.line, trace.goal)
        )
        if slot.matched and then != now:
            names = ", ".join(sorted({trace.tools[part[1]].name for part in parts}))
            found.append(((slot.agent, names, now > then), at))
    for (agent, names, lost), places in _grouped(found):
        parts = {part for at in places for part in _tool_parts(trace, at)}
        for part, goal in trace.goal.work.items():
            if part in parts or (part in trace.line.work and parts & (goal.after ^ trace.line.work[part].after)):
                trace.set_work(part, after=goal.after, lag_ns=goal.lag_ns)
        how = (
            "run one after the other, and no longer at once"
            if lost
            else "run at once, and no longer one after the other"
        )
        kind = "parallel-lost" if lost else "parallel-won"
        yield Edit(kind=kind, key=(agent, names), what=f"{names}{{of}} {how}", **_at(trace, places))


def _slower(trace: Trace) -> Iterator[Edit]:
    found = (
        (tool.name, number)
        for number, tool in enumerate(trace.tools)
        if tool.base and tool.head and tool.took_ns != tool.head.end_ns - tool.head.start_ns
    )
    for name, numbers in _grouped(found):
        each = []
        for number in numbers:
            tool = trace.tools[number]
            took = tool.head.end_ns - tool.head.start_ns if tool.head else 0
            each.append((took - tool.took_ns) // 1_000_000)
            tool.took_ns = took
            trace.set_work(("tool", number), took_ns=took)
        yield Edit(kind="tool-time", key=(name,), what=f"tool {name}", each=tuple(each), unit="ms")


def _unseen(trace: Trace) -> Iterator[Edit]:
    """Tools that nobody saw run: the time between the answer that asks for them and the next call."""
    found = []
    for part, work in trace.line.work.items():
        goal = trace.goal.work.get(part)
        asked = {_tools(trace.slots[at].call) for kind, at in work.after if kind == "call"} - {""}
        if goal and part[0] == "call" and asked and goal.after == work.after and goal.lag_ns != work.lag_ns:
            found.append((", ".join(sorted(asked)), part))
    for names, parts in _grouped(found):
        each = tuple((trace.goal.work[part].lag_ns - trace.line.work[part].lag_ns) // 1_000_000 for part in parts)
        for part in parts:
            trace.set_work(part, lag_ns=trace.goal.work[part].lag_ns)
        places = [at for _, at in parts]
        what = f"the time from asking for {names} to the next LLM call"
        yield Edit(kind="between-calls", key=(names,), what=what, each=each, unit="ms", **_at(trace, places))


def _own(trace: Trace) -> Iterator[Edit]:
    """What is left of the time: the agent's own, between its calls and tools."""
    if trace.line.work == trace.goal.work and trace.line.tail_ns == trace.goal.tail_ns:
        return
    trace.line.work, trace.line.tail_ns = dict(trace.goal.work), trace.goal.tail_ns
    for tool in trace.tools:
        tool.took_ns = tool.head.end_ns - tool.head.start_ns if tool.head else 0
    yield Edit(kind="own-time", key=(), what="time between LLM calls and tools, or the order of them, changed")


# -- answers ---------------------------------------------------------------------------------------------------------------


def _recorded(trace: Trace) -> Iterator[Edit]:
    """Answers of another recording: their length and their speed are the provider's luck."""
    places = [
        at
        for at, slot in _slots(trace)
        if slot.matched and slot.head and slot.call.answer_digest != slot.head.answer_digest
    ]
    if not places:
        return
    agents = {trace.slots[at].agent for at in places}
    for at in places:
        _take_answer(trace, at)
    for at, slot in _slots(trace):
        if at > places[0] and slot.matched and slot.agent in agents:
            _take(slot, TALK)
    what = "answers were recorded again: what differs is their length and their speed"
    yield Edit(kind="re-recorded", key=(), what=what, **_at(trace, places))


def _longer(trace: Trace) -> Iterator[Edit]:
    found = (
        (slot.agent, at)
        for at, slot in _slots(trace)
        if slot.head and slot.present and _output(slot.call) != _output(slot.head)
    )
    for agent, places in _grouped(found):
        each = tuple(
            (_output(slot.head) or 0) - (_output(slot.call) or 0) for at in places if (slot := trace.slots[at]).head
        )
        for at in places:
            _take_answer(trace, at, time=_same_pace(trace.slots[at]))
        for at, slot in _slots(trace):
            if at > places[0] and slot.matched and slot.agent == agent:
                _take(slot, TALK)
        what = "answers{of}"
        yield Edit(kind="output", key=(agent,), what=what, each=each, unit="tokens", **_at(trace, places))


def _same_pace(slot: Slot) -> bool:
    """Whether an answer's time is told by its length: no stream says that the model became slower or faster."""
    paces = [_pace(call) for call in (slot.call, slot.head) if call]
    return None in paces or all(abs(a - b) <= _SAME_PACE * b for a, b in zip(*paces, strict=True))


_SAME_PACE = 0.05


def _pace(call: ModelCall) -> tuple[float, float] | None:
    """Of a streamed answer, time to its first byte, and for each token from there on."""
    if call.first_byte_ns is None or call.end_ns is None or not call.streamed:
        return None
    return call.first_byte_ns - call.start_ns, (call.end_ns - call.first_byte_ns) / (_output(call) or 1)


def _speed(trace: Trace) -> Iterator[Edit]:
    found = (
        (slot.head.model, at)
        for at, slot in _slots(trace)
        if slot.head and slot.present and _times(trace, at, slot.call) != _times(trace, at, slot.head, goal=True)
    )
    for model, places in _grouped(found):
        each = []
        for at in places:
            before = trace.line.work["call", at].took_ns
            _take_answer(trace, at)
            each.append((trace.line.work["call", at].took_ns - before) // 1_000_000)
        yield Edit(kind="model-time", key=(model,), what=model, each=tuple(each), unit="ms", **_at(trace, places))


def _talk(trace: Trace) -> Iterator[Edit]:
    found = ((slot.agent, at) for at, slot in _slots(trace) if slot.present and TALK in slot.tokens)
    for agent, places in _grouped(found):
        each = tuple(trace.slots[at].tokens[TALK] for at in places)
        for at in places:
            _take(trace.slots[at], TALK)
        what = "the conversation{of}"
        yield Edit(kind="context", key=(agent,), what=what, each=each, unit="tokens", **_at(trace, places))


KINDS: dict[str, Kind] = {
    "missing-turn": Kind(find=_missing),
    "retry": Kind(find=_retries),
    "extra-turn": Kind(find=_extra),
    "tools-asked": Kind(find=_asked),
    "model": Kind(find=_switched),
    "system-prompt": Kind(find=_system),
    "tool-schema": Kind(find=_schema),
    "tool-result": Kind(find=_results),
    "parallel-lost": Kind(find=_parallel),
    "tool-time": Kind(find=_slower, more="takes longer by", less="is faster by"),
    "cache-lost": Kind(find=_cache),
    "re-recorded": Kind(find=_recorded, luck=True),
    "output": Kind(find=_longer, more="grew by", less="shrank by"),
    "model-time": Kind(find=_speed, more="answers slower by", less="answers faster by"),
    "context": Kind(find=_talk),
    "between-calls": Kind(find=_unseen),
    "own-time": Kind(find=_own),
}


# -- small parts -----------------------------------------------------------------------------------------------------------


def _slots(trace: Trace) -> Iterator[tuple[int, Slot]]:
    return enumerate(trace.slots)


def _grouped(pairs: Iterable[tuple[K, V]]) -> Iterator[tuple[K, list[V]]]:
    """By first parts, in the order that these come; all found before the first edit is made."""
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    yield from list(groups.items())


def _at(trace: Trace, places: Sequence[int]) -> dict[str, Any]:
    """Whose calls they are, and which of the run."""
    slots = [trace.slots[at] for at in places]
    return {
        "agents": tuple(dict.fromkeys(slot.agent for slot in slots if slot.agent)),
        "calls": tuple(slot.head.index for slot in slots if slot.head),
    }


def _tool_parts(trace: Trace, at: int) -> list[Part]:
    return [("tool", number) for number, tool in enumerate(trace.tools) if tool.slot == at]


def _paired(tool: Tool) -> bool:
    return tool.base is not None and tool.head is not None


def _model(call: ModelCall) -> tuple[object, ...]:
    return call.provider, call.api, call.model, call.requested_model, call.service_tier


def _reads(call: ModelCall | None) -> int:
    return (call.usage.cache_read or 0) if call and call.usage else 0


def _output(call: ModelCall) -> int | None:
    return call.usage.output if call.usage else None


def _times(trace: Trace, at: int, call: ModelCall, *, goal: bool = False) -> tuple[int, int | None]:
    line = trace.goal if goal else trace.line
    return line.work["call", at].took_ns, None if call.first_byte_ns is None else call.first_byte_ns - call.start_ns


def _take(slot: Slot, part: PartOfPrompt) -> None:
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


def _take_cache(slot: Slot) -> None:
    usage = slot.head.usage if slot.head else None
    if usage is not None:
        slot.use(cache_read=usage.cache_read, cache_write=usage.cache_write, cache_write_1h=usage.cache_write_1h)


def _take_answer(trace: Trace, at: int, *, time: bool = True) -> None:
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
    slot.call = replace(slot.call, **kept)  # type: ignore[arg-type]
