"""What a rule is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.metric import format_value
from pytest_agentperf.model.profile import Profile


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
    """Its findings are proofs, which may fail a test. A hint never does."""

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
