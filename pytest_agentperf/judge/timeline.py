"""How long a run takes, as a function of its parts: so that one of them can be exchanged and the rest moves along.

The parts are the LLM calls and those tools that hold no other part. Each starts some time (the agent's own) after all that
were over before it began; the run ends some time after the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import SpanKind

Part = tuple[Literal["call", "tool"], int]
"""A call by its position, a tool by its span's id."""


@dataclass(frozen=True, slots=True)
class Work:
    took_ns: int
    lag_ns: int
    """From the end of what it waited for to its start."""
    after: frozenset[Part]
    """What it waited for: all that was over when it began, but for what these waited for in turn."""


@dataclass(slots=True)
class Timeline:
    work: dict[Part, Work]
    tail_ns: int
    """From the end of the last part to that of the run; negative where a part outlived it."""

    def starts(self) -> dict[Part, int]:
        """When each part starts. Where exchanged parts wait for each other, the first of them does not."""
        starts: dict[Part, int] = {}
        ends: dict[Part, int] = {}
        waiting = list(self.work)
        while waiting:
            left = set(waiting)
            for part in waiting:
                if self.work[part].after.isdisjoint(left):
                    self._place(part, starts, ends)
                    left.remove(part)
            if len(left) == len(waiting):
                self._place(waiting[0], starts, ends)
                left.remove(waiting[0])
            waiting = [part for part in waiting if part in left]
        return starts

    def _place(self, part: Part, starts: dict[Part, int], ends: dict[Part, int]) -> None:
        work = self.work[part]
        starts[part] = max((ends[one] for one in work.after if one in ends), default=0) + work.lag_ns
        ends[part] = starts[part] + work.took_ns

    def latency_ns(self, starts: Mapping[Part, int]) -> int:
        return max((start + self.work[part].took_ns for part, start in starts.items()), default=0) + self.tail_ns

    def remove(self, gone: Part) -> None:
        """What waited for it waits for what it waited for."""
        lost = self.work.pop(gone, None)
        for part, work in self.work.items():
            if lost and gone in work.after:
                self.work[part] = replace(work, after=(work.after - {gone}) | lost.after)


def timeline(skeleton: Profile) -> Timeline:
    """A call without an end takes no time."""
    times: dict[Part, tuple[int, int]] = {
        ("call", number): (call.start_ns, max(call.start_ns, call.end_ns or 0))
        for number, call in enumerate(skeleton.calls)
    }
    holding = {call.span for call in skeleton.calls} | {span.parent for span in skeleton.spans}
    for span in skeleton.spans:
        if span.kind is SpanKind.TOOL and span.id not in holding:
            times["tool", span.id] = (span.start_ns, span.end_ns)
    order = sorted(times, key=lambda part: (times[part], part))
    work: dict[Part, Work] = {}
    for number, part in enumerate(order):
        start, end = times[part]
        over = [one for one in order[:number] if times[one][1] <= start]
        latest = times[over[-1]][0] if over else 0
        after = frozenset(one for one in over if times[one][1] > latest or one == over[-1])
        reached = max((times[one][1] for one in after), default=0)
        work[part] = Work(end - start, start - reached, after)
    last = max((end for _, end in times.values()), default=0)
    return Timeline(work, skeleton.latency_ns - last)
