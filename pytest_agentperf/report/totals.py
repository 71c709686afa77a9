"""Many tests as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.model.metric import METRICS, Measure, Measures
from pytest_agentperf.model.number import Number
from pytest_agentperf.model.profile import ClockKind, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    value: Number | None
    """The sum of what is known; None where nothing is."""
    unknown: int
    """How many tests could not tell, so that the sum is the least that it can be."""
    estimated: bool


def totals(tests: Iterable[Measures]) -> dict[str, Total]:
    """Sums over tests of every metric whose numbers make one."""
    tests = list(tests)
    return {name: _total([test[name] for test in tests]) for name, metric in METRICS.items() if metric.adds_up}


def _total(measures: list[Measure]) -> Total:
    known = [measure.value for measure in measures if measure.value is not None]
    money = Decimal in set(map(type, known))
    return Total(
        value=sum(known, Decimal(0) if money else 0) if known or not measures else None,
        unknown=len(measures) - len(known),
        estimated=True in [measure.estimated for measure in measures],
    )


def time_source(profile: Profile) -> str:
    """What the times of a test are: `real`, `virtual` (recorded waits, jumped over), `stated` (virtual waits as long as
    the provider said, nobody watched them), `modelled` (of some calls by the team's own rule), `mocked` (real, but no
    provider answered) or `instant` (a replay without waits: none).
    """
    if any(call.origin is Origin.MOCKED for call in profile.calls):
        return "mocked"
    timings = {call.timing for call in profile.calls}
    if profile.clock is not ClockKind.INSTANT:
        for timing in (Timing.MODELLED, Timing.STATED):
            if timing in timings:
                return timing.value
    return profile.clock.value
