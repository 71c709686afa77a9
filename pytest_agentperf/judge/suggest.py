"""Limits that a test keeps today, with room: for the first day, when nobody knows what to ask for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

from pytest_agentperf.judge.checks import CHECKS
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.number import Number, format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import TestRun

HEADROOM = Decimal("1.2")
_LIMITS = ("max_latency", "max_ttft", "max_tokens", "max_cost", "max_llm_calls", "max_tool_calls")
_COUNTED = frozenset({"calls", "turns"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    limit: str
    """Name of the marker."""
    bound: Number | None
    why: str = ""
    """There is no bound."""

    @property
    def marker(self) -> str:
        bound = f'"{self.bound}"' if isinstance(self.bound, Decimal) else str(self.bound)
        return self._none or f"@pytest.mark.{self.limit}({bound})"

    @property
    def yaml(self) -> str:
        return self._none or f"{self.limit}: {self.bound}"

    @property
    def _none(self) -> str:
        return f"# no {self.limit}: {self.why}" if self.bound is None else ""


@dataclass(slots=True)
class _Function:
    """What limits are written at: a test with all its cases, each of which keeps them."""

    name: str
    """Node id without parameters."""
    cases: list[Profile] = field(default_factory=list)
    silent: int = 0
    """Cases without an LLM call: these fail each marker, while limits in YAML leave them alone."""

    def add(self, profile: Profile) -> None:
        if profile.calls:
            self.cases.append(profile)
        else:
            self.silent += 1

    def markers(self) -> list[str]:
        if self.silent:
            of = f"{self.silent} of its {len(self.cases) + self.silent} cases"
            return [f"# {self.name}: only as agentperf.yaml; {of} had no LLM call, which fails markers"]
        told = f" ({self._covers})" if self._covers else ""
        return [f"# {self.name}{told}", *(limit.marker for limit in suggest(self.cases))]

    def yaml(self) -> list[str]:
        glob, told = (f"{_glob(self.name)}[[]*", f"  # {self._covers}") if self._covers else (_glob(self.name), "")
        key = json.dumps(glob, ensure_ascii=False)
        return [f"  {key}:{told}", *(f"    {limit.yaml}" for limit in suggest(self.cases))]

    @property
    def _covers(self) -> str:
        """Of how many cases its limits are; empty without parameters."""
        if self.cases[0].nodeid == self.name:
            return ""
        return "1 case" if len(self.cases) == 1 else f"the most of {len(self.cases)} cases"


def suggest(cases: Sequence[Profile]) -> Iterator[Suggestion]:
    """A fifth more than the most that any case takes, rounded up to two digits; of calls, as many.

    What is unknown, estimated or nothing has no limit.
    """
    for name in _LIMITS:
        metric = METRICS[CHECKS[name].parameters[0].metric]
        measures = [metric.read(case) for case in cases]
        doubts = [m.why or "it is estimated" for m in measures if m.value is None or m.estimated]
        value = Decimal(str(max(measure.value or 0 for measure in measures)))
        if doubts or not (value or metric.unit in _COUNTED):
            yield Suggestion(name, None, doubts[0] if doubts else "it is 0")
        elif metric.unit in _COUNTED:
            yield Suggestion(name, int(value))
        else:
            bound = _round_up(value * HEADROOM)
            yield Suggestion(name, bound if metric.unit == "USD" else int(bound))


def _round_up(value: Decimal) -> Decimal:
    step = Decimal(1).scaleb(value.adjusted() - 1)
    rounded = (value / step).to_integral_value(ROUND_CEILING) * step
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else Decimal(f"{rounded:f}")


def render(tests: Iterable[TestRun]) -> list[str]:
    """Lines to paste: the markers of each test function, and all of them as `agentperf.yaml`.

    Of tests that were not stopped in mid-run: nobody knows what those would take.
    """
    functions: dict[str, _Function] = {}
    for test in tests:
        if not test.stopped:
            name = _function(test.profile.nodeid)
            functions.setdefault(name, _Function(name)).add(test.profile)
    found = [function for function in functions.values() if function.cases]
    if not found:
        return []
    return [
        "limits with a fifth of headroom, as markers:",
        *(line for function in found for line in ("", *function.markers())),
        *("", "or as agentperf.yaml:", "", "limits:"),
        *(line for function in found for line in function.yaml()),
        "",
        *_cost(case for function in found for case in function.cases),
    ]


def _function(nodeid: str) -> str:
    """Without the parameters, which may hold anything."""
    module, colons, name = nodeid.partition("::")
    return module + colons + name.partition("[")[0]


def _glob(name: str) -> str:
    """That matches this and nothing else: a bracket opens a choice of characters."""
    return "".join(f"[{char}]" if char in "[*?" else char for char in name)


def _cost(profiles: Iterable[Profile]) -> list[str]:
    costs = [METRICS["cost"].read(profile).value for profile in profiles]
    known = [cost for cost in costs if cost is not None]
    if not known:
        return []
    total = sum(map(Decimal, known), Decimal(0))
    return [
        f"recording {'these tests' if len(known) > 1 else 'this test'} again would cost about {format_value(total, 'USD')}"
    ]
