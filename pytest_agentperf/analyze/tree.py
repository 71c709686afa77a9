"""LLM calls and spans of a profile as one forest: who happened inside whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.metric import retried
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import Span

Kind = Literal["llm", "tool", "window", "timer", "own"]


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """Times are nanoseconds on the recording's clock."""

    kind: Kind
    id: int
    """`ModelCall.index` or `Span.id`."""
    name: str
    """Model, tool or timer; of a window its tools."""
    start_ns: int
    end_ns: int
    """Where it is not `known`: the last moment that is (a first byte, or the start)."""
    first_byte_ns: int | None = None
    """Of a streamed answer."""
    known: bool = True
    """Both times are true of the agent."""
    failed: bool = False
    again: bool = False
    """An LLM call that asks again what failed."""
    children: list[Node] = field(default_factory=list)
    """In the order of starts."""


def forest(profile: Profile) -> list[Node]:
    """The outermost nodes, in the order of starts.

    What outlives the span that it was started in (a background task) hangs under the next one around that contains it
    whole, so that a child always lies within its parent.
    """
    timed = profile.clock is not ClockKind.INSTANT
    spans = {span.id: span for span in profile.spans}
    nodes = {span.id: _of_span(span, timed=timed) for span in profile.spans}
    roots: list[Node] = []
    placed = [(nodes[span.id], span.parent) for span in profile.spans]
    again = retried(profile.calls)
    placed += [(_of_call(call, timed=timed, again=call.index in again), call.span) for call in profile.calls]
    for node, parent in placed:
        while parent is not None and parent in nodes and not _contains(nodes[parent], node):
            parent = spans[parent].parent
        (nodes[parent].children if parent is not None and parent in nodes else roots).append(node)
    for siblings in (roots, *(node.children for node in nodes.values() if node.children)):
        siblings.sort(key=lambda node: (node.start_ns, -node.end_ns, node.kind, node.id))
    return roots


def _contains(outer: Node, inner: Node) -> bool:
    return outer.start_ns <= inner.start_ns and inner.end_ns <= outer.end_ns


def _of_span(span: Span, *, timed: bool) -> Node:
    return Node(
        kind=span.kind.value,
        id=span.id,
        name=span.name,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        known=timed,
        failed=span.error is not None,
    )


def _of_call(call: ModelCall, *, timed: bool, again: bool) -> Node:
    known = timed and call.duration_ns is not None
    streamed = timed and call.streamed and call.ttft_ns is not None
    first_byte_ns = call.first_byte_ns if streamed else None
    reached = call.end_ns if known else first_byte_ns
    return Node(
        kind="llm",
        id=call.index,
        name=call.model,
        start_ns=call.start_ns,
        end_ns=call.start_ns if reached is None else reached,
        first_byte_ns=first_byte_ns,
        known=known,
        failed=call.error is not None,
        again=again,
    )
