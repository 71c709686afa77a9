"""Which findings fail a test, and which are not even told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pytest_agentperf.analyze.rules.table import RULES, matching
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.limit import Limit, Violation
from pytest_agentperf.model.metric import Measure
from pytest_agentperf.model.profile import Profile


class UnknownRule(ValueError):
    """The message names it and what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    fail_on: tuple[str, ...] = ()
    """Codes of rules (`AP101`), beginnings of codes (`AP1`) or names (`sequential-tools`). Of hints see `Rule.gates_when_named`."""
    ignore: tuple[str, ...] = ()
    """The same, of what is left out of the profile."""
    text: str = ""
    """As its author wrote it, and where: for the message of a failure."""
    source: str = ""

    def needs(self, what: Literal["audits", "prices"]) -> bool:
        """Whether a rule that may fail a test stands on it."""
        return any(getattr(rule, what) for given in self.fail_on for rule in matching(given))


def read_codes(value: object) -> tuple[str, ...]:
    """`"AP1,AP302"` or `["AP1", "AP302"]`. Raises UnknownRule."""
    given = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise UnknownRule(f'expected codes of rules like "AP101,AP3", got {value!r}')
    for code in given:
        if not matching(str(code)):
            raise UnknownRule(
                f"no rule {str(code)!r}; there are: {', '.join(RULES)} (`pytest-agentperf rules` lists them)"
            )
    return tuple(str(code) for code in given)


def told(profile: Profile, ignore: Iterable[str]) -> Profile:
    """The profile without the findings that nobody wants to know of."""
    codes = tuple(ignore)
    kept = tuple(found for found in profile.findings if not _any(codes, found))
    return profile if len(kept) == len(profile.findings) else replace(profile, findings=kept)


def broken(profile: Profile, policy: Policy) -> tuple[Violation, ...]:
    """A violation for each finding that the policy fails tests for."""
    limit = Limit(metric="findings", bound=0, own=True, text=policy.text, source=policy.source)
    where = f"{policy.text} at {policy.source}" if policy.source else policy.text
    return tuple(
        Violation(
            limit=limit,
            measure=Measure(value=found.lost_ms),
            unit="ms",
            message=f"{found.code} {found.name} is not allowed by {where}: {found.message}",
            details=tuple(_details(found)),
        )
        for found in profile.findings
        if _fails(policy, found)
    )


def _fails(policy: Policy, found: Finding) -> bool:
    if found.gating:
        return _any(policy.fail_on, found)
    return RULES[found.code].gates_when_named and any(
        given.upper() == found.code or given.lower() == found.name for given in policy.fail_on
    )


def _details(found: Finding) -> Iterator[str]:
    if found.where:
        yield f"at {found.where}"
    yield f"fix: {found.fix}"
    yield f"more: pytest-agentperf explain {found.code}"


def _any(codes: tuple[str, ...], found: Finding) -> bool:
    return any(RULES[found.code] in matching(code) for code in codes)
