"""What a rule is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import ClockKind, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    code: str
    """`AP` and three digits: 1xx tools, 2xx the program, 3xx the conversation with the model, 4xx the agent's own spans."""
    name: str
    headline: str
    """What it finds, as a clause."""
    find: Callable[[Profile], Iterator[Finding]]
    """Pure; yields nothing where the profile does not show enough to tell."""
    gating: bool = True
    """Its findings are proofs, which may fail a test, and no hints."""
    gates_when_named: bool = False
    """Its hints fail a test where `fail_on` names this very rule, and not only a family that it belongs to."""
    prices: bool = False
    """It needs what calls cost, for which a table of prices has to be loaded."""
    audits: bool = False
    """It stands on audit events, whose hook cannot be removed again: nobody who does not ask for it gets one."""

    def finding(self, message: str, *, fix: str, gating: bool = True, **details: Any) -> Finding:
        """`details`: the other fields of `Finding`."""
        gating = gating and self.gating
        return Finding(code=self.code, name=self.name, message=message, fix=fix, gating=gating, **details)

    @property
    def page(self) -> str:
        """What it sees, why that costs, what to do: the docstring of the rule's module, three paragraphs of Markdown."""
        return cleandoc(sys.modules[self.find.__module__].__doc__ or "")

    @property
    def document(self) -> str:
        """The page under its heading: what `pytest-agentperf explain` shows, and docs/rules/ holds."""
        return f"# {self.code} {self.name}: {self.headline}\n\n{self.page.strip()}\n"


def milliseconds(ns: int) -> str:
    return format_value((ns + 500_000) // 1_000_000, "ms")


def cost_of(calls: Sequence[ModelCall], profile: Profile) -> dict[str, Any]:
    """What calls that need not have been made have cost: the fields of a finding, None where not all is known."""
    times = [call.duration_ns for call in calls if call.duration_ns is not None]
    tokens = [call.usage.total for call in calls if call.usage and call.usage.total is not None]
    money = [call.cost.usd for call in calls if call.cost and call.cost.usd is not None]
    timed = len(times) == len(calls) and profile.clock is not ClockKind.INSTANT
    return {
        "lost_ms": sum(times) / 1e6 if timed and any(times) else None,
        "lost_tokens": sum(tokens) if len(tokens) == len(calls) else None,
        "lost_usd": sum(money) if len(money) == len(calls) else None,
    }
