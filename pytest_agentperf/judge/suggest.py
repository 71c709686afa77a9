"""Limits that a test keeps today, with room: for the first day, when nobody knows what to ask for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from pytest_agentperf.judge.checks import CHECKS
from pytest_agentperf.model.metric import METRICS, Number, format_value
from pytest_agentperf.model.profile import Profile

HEADROOM = Decimal("1.2")
_LIMITS = ("max_latency", "max_ttft", "max_tokens", "max_cost", "max_llm_calls", "max_tool_calls")
_COUNTED = frozenset({"calls", "turns"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    limit: str
    """Name of the marker."""
    bound: Number

    @property
    def marker(self) -> str:
        bound = f'"{self.bound}"' if isinstance(self.bound, Decimal) else str(self.bound)
        return f"@pytest.mark.{self.limit}({bound})"

    @property
    def yaml(self) -> str:
        return f"{self.limit}: {self.bound}"


def suggest(profile: Profile) -> tuple[Suggestion, ...]:
    """A fifth more than it takes, rounded up to two digits; of calls, as many. What is unknown or estimated has no limit."""
    return tuple(_suggest(profile)) if profile.calls else ()


def _suggest(profile: Profile) -> Iterator[Suggestion]:
    for name in _LIMITS:
        metric = METRICS[CHECKS[name].parameters[0].metric]
        measure = metric.read(profile)
        if measure.value is None or measure.estimated:
            continue
        value = Decimal(str(measure.value))
        if metric.unit in _COUNTED:
            yield Suggestion(name, int(value))
        elif value:
            bound = _round_up(value * HEADROOM)
            yield Suggestion(name, bound if metric.unit == "USD" else int(bound))


def _round_up(value: Decimal) -> Decimal:
    step = Decimal(1).scaleb(value.adjusted() - 1)
    rounded = (value / step).to_integral_value(ROUND_CEILING) * step
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else Decimal(f"{rounded:f}")


def render(profiles: Iterable[Profile]) -> list[str]:
    """Lines to paste: the markers of each test, and all of them as `agentperf.yaml`."""
    found = [(profile, limits) for profile in profiles if (limits := suggest(profile))]
    if not found:
        return []
    lines = ["limits with a fifth of headroom, as markers:"]
    for profile, limits in found:
        lines += ["", f"# {profile.nodeid}", *(limit.marker for limit in limits)]
    lines += ["", "or as agentperf.yaml:", "", "limits:"]
    for profile, limits in found:
        lines += [
            f"  {json.dumps(_glob(profile.nodeid), ensure_ascii=False)}:",
            *(f"    {limit.yaml}" for limit in limits),
        ]
    return [*lines, "", *_cost(profile for profile, _ in found)]


def _glob(nodeid: str) -> str:
    """That matches this test and no other: a bracket opens a choice of characters."""
    return "".join(f"[{char}]" if char in "[*?" else char for char in nodeid)


def _cost(profiles: Iterable[Profile]) -> list[str]:
    costs = [METRICS["cost"].read(profile).value for profile in profiles]
    known = [cost for cost in costs if cost is not None]
    if not known:
        return []
    total = sum(map(Decimal, known), Decimal(0))
    return [
        f"recording {'these tests' if len(known) > 1 else 'this test'} again would cost about {format_value(total, 'USD')}"
    ]
