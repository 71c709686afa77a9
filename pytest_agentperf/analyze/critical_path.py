"""Which work the latency of a test is made of."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

from pytest_agentperf.analyze.tree import Kind, Node, forest
from pytest_agentperf.model.profile import ClockKind, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    kind: Kind
    """`llm`, `tool`; `window`: tools that nobody saw; `timer`: own work inside a timer; `own`: the agent's own work or idleness outside of all."""
    name: str
    """Model, tool, tools or timer; `own` for `own`."""
    id: int | None
    """`ModelCall.index` or `Span.id`; None for `own`."""
    start_ns: int
    end_ns: int
    untimed: int = 0
    """LLM calls of unknown end that began in this step: how much of it they took, nobody knows."""

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


def critical_path(profile: Profile) -> tuple[Step, ...]:
    """The chain of work that decided when the test ended, in the order of time, without gap or overlap from 0 to the
    latency: the durations add up to it exactly.

    Walked backwards by causality: of the work that had ended by then, the last to end is what the next step waited
    for; a span is replaced by the work inside it as far as that explains it; what nothing explains is the own work of
    the span around. Work that outlives the test's body has no part in its latency. An LLM call whose end is unknown is no step of its own (see `Step.untimed`),
    and an instant replay has no path, for its times say nothing about the agent.
    """
    if profile.clock is ClockKind.INSTANT:
        return ()
    roots = forest(profile)
    path = _walk(Node(kind="own", id=0, name="own", start_ns=0, end_ns=profile.latency_ns, children=roots))
    return tuple(_with_untimed(path, [call.start_ns for call in profile.calls if call.duration_ns is None]))


def _walk(root: Node) -> list[Step]:
    steps = []
    now = root.end_ns
    around = [(root, _by_end(root))]
    while around:
        node, pending = around[-1]
        while pending and pending[-1].end_ns > now:
            pending.pop()
        cause = pending.pop() if pending else None
        begin = max(0, cause.end_ns if cause else node.start_ns)
        if begin < now:
            own = node.kind == "own"
            steps.append(Step(kind=node.kind, name=node.name, id=None if own else node.id, start_ns=begin, end_ns=now))
            now = begin
        if cause:
            around.append((cause, _by_end(cause)))
        else:
            around.pop()
    return steps[::-1]


def _by_end(node: Node) -> list[Node]:
    """The children that took time, last to end last; of those that end together, the longest last."""
    children = [child for child in node.children if child.known and child.start_ns < child.end_ns]
    return sorted(children, key=lambda child: (child.end_ns, -child.start_ns))


def _with_untimed(path: list[Step], starts: list[int]) -> list[Step]:
    if not starts or not path:
        return path
    counts = [0] * len(path)
    ends = [step.end_ns for step in path]
    for start in starts:
        counts[min(bisect_right(ends, start), len(path) - 1)] += 1
    return [replace(step, untimed=count) for step, count in zip(path, counts, strict=True)]
