"""What `record` hands on when a test is over (or, as a snapshot, while it runs)."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.profile import ClockKind, Gauge
from pytest_agentperf.model.signal import Signals
from pytest_agentperf.model.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A decoded exchange. The texts are there to count tokens where the wire does not, and only then; they go no further."""

    call: ModelCall
    prompt_text: str = ""
    answer_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    clock: ClockKind = ClockKind.REAL
    latency_ns: int = 0
    """So far, while it runs."""
    cpu_ns: int = 0
    peak_memory: int | None = None
    """See `Profile`."""
    readings: tuple[Reading, ...] = ()
    """The LLM calls, in the order of starts; other traffic is left out."""
    spans: tuple[Span, ...] = ()
    """In the order of starts; one that is still open ends now."""
    signals: Signals | None = None
    """None: nobody looked."""
    gauges: tuple[Gauge, ...] = ()
    unmodelled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
