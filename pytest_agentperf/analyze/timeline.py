"""What each thread and task was at, stretch by stretch; and what the latency consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pytest_agentperf.analyze.critical_path import critical_path
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.metric import retried
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.model.stretch import length, without

Kind = Literal["waiting", "streaming", "retry", "tool", "window", "timer", "idle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    kind: Kind
    """`waiting` for an LLM's first byte, or for the whole of an answer that is not streamed; `streaming`; `retry`: the whole
    of a call that asks again what failed; `tool`; `window`: tools that nobody saw; `timer`; `idle`: no call and no tool ran."""
    name: str
    """Model, tool or timer; empty for `idle`."""
    id: int | None
    """`ModelCall.index` or `Span.id`."""
    start_ns: int
    end_ns: int
    thread: int = 0
    """0 for `idle`, which is everybody's."""
    task: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    latency_ns: int
    segments: tuple[Segment, ...] = ()
    """In the order of starts. A call whose end is unknown is not among them."""

    def lanes(self) -> dict[tuple[int, int | None], tuple[Segment, ...]]:
        """By thread and task, in the order of first work."""
        lanes: dict[tuple[int, int | None], list[Segment]] = {}
        for segment in self.segments:
            if segment.kind != "idle":
                lanes.setdefault((segment.thread, segment.task), []).append(segment)
        return {lane: tuple(segments) for lane, segments in lanes.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What the latency consists of, along its critical path, in nanoseconds: the four add up to it exactly."""

    llm_ns: int = 0
    tool_ns: int = 0
    own_ns: int = 0
    """The agent computed. In virtual time that takes none; in real time, between calls and tools, as long as CPU time says."""
    idle_ns: int = 0
    """It waited for something that is neither a model nor a tool: a pause between retries, a rate limiter, a lock, a file."""


def timeline(profile: Profile) -> Timeline:
    """Empty for an instant replay, whose times say nothing about the agent."""
    if profile.clock is ClockKind.INSTANT:
        return Timeline(latency_ns=profile.latency_ns)
    again = retried(profile.calls)
    segments = [segment for call in profile.calls for segment in _of_call(call, again=call.index in again)]
    segments += [
        Segment(
            kind=span.kind.value,
            name=span.name,
            id=span.id,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            thread=span.thread,
            task=span.task,
        )
        for span in profile.spans
    ]
    busy = [(s.start_ns, s.end_ns) for s in segments if s.kind != "timer"]
    idle = without([(0, profile.latency_ns)], busy)
    segments += [Segment(kind="idle", name="", id=None, start_ns=start, end_ns=end) for start, end in idle]
    order = sorted(segments, key=lambda s: (s.start_ns, -s.end_ns, s.kind, s.id or 0))
    return Timeline(latency_ns=profile.latency_ns, segments=tuple(order))


def shares(profile: Profile) -> Shares:
    """All zero for an instant replay. Calls whose end is unknown are not told from idleness."""
    path = critical_path(profile)
    took = {kind: sum(step.duration_ns for step in path if step.kind in kinds) for kind, kinds in _SHARES.items()}
    between = sum(step.duration_ns for step in path) - sum(took.values())
    own = 0 if profile.clock is ClockKind.VIRTUAL else min(between, max(0, profile.cpu_ns - _cpu_of_tools(profile)))
    return Shares(llm_ns=took["llm"], tool_ns=took["tool"], own_ns=own, idle_ns=between - own)


_SHARES = {"llm": ("llm",), "tool": ("tool", "window")}


def _cpu_of_tools(profile: Profile) -> int:
    """Nanoseconds that cannot have been spent between tools."""
    tools = [span for span in profile.spans if span.kind is SpanKind.TOOL]
    return min(sum(span.cpu_ns or 0 for span in tools), length((span.start_ns, span.end_ns) for span in tools))


def _of_call(call: ModelCall, *, again: bool) -> Iterator[Segment]:
    if call.duration_ns is None or call.end_ns is None:
        return
    streams = call.first_byte_ns if call.streamed and call.first_byte_ns is not None and not again else call.end_ns
    parts: list[tuple[Kind, int, int]] = [("retry" if again else "waiting", call.start_ns, streams)]
    parts += [("streaming", streams, call.end_ns)] if streams < call.end_ns else []
    for kind, start_ns, end_ns in parts:
        yield Segment(kind=kind, name=call.model, id=call.index, start_ns=start_ns, end_ns=end_ns, thread=call.thread)
