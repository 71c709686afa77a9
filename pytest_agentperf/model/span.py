"""A stretch of the agent's own work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SpanKind(StrEnum):
    TIMER = "timer"
    """`profiler.timer(...)`"""
    TOOL = "tool"
    """An execution of a tool."""


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
    source: str = "profiler"
    """Who saw it."""
