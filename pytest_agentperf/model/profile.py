"""What one test did, as a value: the only thing that is stored, sent over xdist, compared or rendered."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.cassette import CassetteUse
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.miss import Miss
from pytest_agentperf.model.signal import Signals
from pytest_agentperf.model.span import Span


class ClockKind(StrEnum):
    """What the times of a profile were read from."""

    REAL = "real"
    VIRTUAL = "virtual"
    """Recorded waits, jumped over: the same number every time."""
    INSTANT = "instant"
    """A replay without waits: its times say nothing about the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A number of the team's own, from `profiler.metric(...)`."""

    name: str
    value: float
    unit: str = ""
    better: Literal["higher", "lower"] = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Above which AP404 and AP304 speak; None: nobody set it, and AP404 has a usual one."""

    llm_ms: int | None = None
    """Of one LLM call."""
    tool_ms: int | None = None
    """Of one run of a tool."""
    calls: int | None = None
    """LLM calls of one test."""
    cost_share: int | None = None
    """Percent of a test's cost that one of its operations may make up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    nodeid: str
    """The test; empty outside of pytest."""
    clock: ClockKind = ClockKind.REAL
    latency_ns: int = 0
    """The test's body from start to end on that clock; so far, while it runs."""
    cpu_ns: int = 0
    """CPU time of this process meanwhile: what the agent's own code costs."""
    peak_memory: int | None = None
    """Bytes of Python's memory that the test's body held at most, over what there was at its start; None: nobody asked for
    it, for to measure it costs time."""
    calls: tuple[ModelCall, ...] = ()
    """In the order of starts."""
    spans: tuple[Span, ...] = ()
    """In the order of starts."""
    signals: Signals | None = None
    """What probes saw; None: nobody looked."""
    findings: tuple[Finding, ...] = ()
    """What the rules say of it, in the order of their codes."""
    misses: tuple[Miss, ...] = ()
    """What it asked and no cassette could answer: then it was stopped, and its numbers are those of a part."""
    gauges: tuple[Gauge, ...] = ()
    """The last value of each name, in the order of first use."""
    thresholds: Thresholds = Thresholds()
    estimates_judge: bool = False
    """Limits take estimates for true; else an estimate breaks them, for nobody knows whether it is right."""
    unmodelled: tuple[str, ...] = ()
    """What took real time on a virtual clock, a sentence each with file and line. Where there is any, the latency is partly
    real: it differs from run to run."""
    cassettes: tuple[CassetteUse, ...] = ()
    """Those that were open in its body, in the order of opening."""
    notes: tuple[str, ...] = field(default=())
    """What a reader must know: sentences, no markup."""
