"""A stretch of the agent's own work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class SpanKind(StrEnum):
    TIMER = "timer"
    """`profiler.timer(...)`"""
    TOOL = "tool"
    """An execution of a tool."""
    WINDOW = "window"
    """From the answer that asks for tools to the request that carries their results, where nobody saw what ran between."""


Source = Literal["profiler", "seam", "otel", "detector", "window"]
"""Who saw a span, best first: the test by hand; a framework's own place for running tools; its OpenTelemetry; the frame
that was given a call's arguments; nobody, so that only the traffic around it is known."""

Confidence = Literal["exact", "likely", "guess"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Times are nanoseconds on the recording's clock, which reads 0 when the test's body starts."""

    id: int
    """From 1, in the order of starts."""
    parent: int | None
    kind: SpanKind
    name: str
    start_ns: int
    end_ns: int
    thread: int = 0
    """The system's identifier in a recording; 1, 2, ... in the order of first work in a profile."""
    error: str | None = None
    """Type of the exception that left it."""
    metadata: tuple[tuple[str, str], ...] = ()
    """What the caller of `timer(...)` added, values as text, sorted by name."""
    source: Source = "profiler"
    confidence: Confidence = "exact"
    """Whether it is the tool's execution and that of this call."""
    call: int | None = None
    """`ModelCall.index` of the answer that asked for it; None: no model did, or nobody knows which."""
    call_id: str | None = None
    """The model's name for the tool call; where the wire format has none, its place in the answer: `#1`, `#2`, ...

    There is at most one tool span for each (`call`, `call_id`); a window has none, for it stands for several.
    """
    task: int | None = None
    """The async task, numbered as `thread` is; None outside of any."""
    cpu_ns: int | None = None
    """CPU time of its thread meanwhile; None where that says nothing: it waited in an event loop, or nobody looked."""
    arguments_size: int | None = None
    """Bytes of the arguments as JSON text, as the model wrote them."""
    result_size: int | None = None
    """Bytes of its result as JSON, as the next request carried it; None where none did, or not by the call's name."""


def upwards(spans: Mapping[int, Span], innermost: int | None) -> Iterator[Span]:
    """A span and those around it, from the inside out; `spans` by their ids."""
    while innermost is not None and innermost in spans:
        yield spans[innermost]
        innermost = spans[innermost].parent
