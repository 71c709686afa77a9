"""What a test may use, and what it used too much of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_agentperf.model.metric import Measure
from pytest_agentperf.model.number import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    metric: str
    """A name in `METRICS`, or with `own` the name of a gauge."""
    bound: Number
    kind: Literal["max", "min"] = "max"
    own: bool = False
    """Limits a number of the team's own (`profiler.metric`)."""
    within: str | None = None
    """Only what happened inside the timers of this name."""
    tool: str | None = None
    """Only calls of this tool."""
    allow: tuple[str, ...] = ()
    """Not these tools."""
    text: str
    """The limit as its author wrote it: `max_latency(1000)`."""
    source: str
    """Where: `tests/test_agent.py:12` or `agentperf.yaml:4`; empty for a helper's check."""
    explicit: bool = True
    """Written for this test (marker, helper), not for a glob of paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    limit: Limit
    measure: Measure
    unit: str
    message: str
    """One sentence: limit, value, by how much."""
    details: tuple[str, ...] = ()
    """Lines that help to see why, for example the calls that took longest."""
