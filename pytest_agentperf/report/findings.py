"""What rules found, over all tests: one entry for each thing that is wrong, however many tests show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.report.figures import count


@dataclass(frozen=True, slots=True)
class Entry:
    hits: tuple[tuple[Finding, str], ...]
    """Findings with the node ids of their tests, the one that costs most first."""

    @property
    def worst(self) -> Finding:
        return self.hits[0][0]

    @property
    def tests(self) -> dict[str, list[Finding]]:
        """Node ids, that of the worst first, and what each of them shows."""
        tests: dict[str, list[Finding]] = {}
        for found, nodeid in self.hits:
            tests.setdefault(nodeid, []).append(found)
        return tests

    @property
    def lost_ms(self) -> float:
        """In all of them."""
        return sum(found.lost_ms or 0 for found, _ in self.hits)


def entries(profiles: Iterable[Profile]) -> list[Entry]:
    """Proofs before hints, costly ones before cheap ones."""
    groups: dict[tuple[object, ...], list[tuple[Finding, str]]] = {}
    for profile in profiles:
        for found in profile.findings:
            identity = (found.code, found.cause, found.tools, found.where)
            groups.setdefault(identity, []).append((found, profile.nodeid))
    ranked = (sorted(group, key=lambda hit: (-_weight(hit[0]), hit[1])) for group in groups.values())
    return sorted((Entry(tuple(group)) for group in ranked), key=_rank)


def _rank(entry: Entry) -> tuple[bool, float, float, str]:
    return not entry.worst.gating, -entry.lost_ms, -_weight(entry.worst), entry.worst.code


def _weight(found: Finding) -> float:
    return found.lost_ms or float(found.lost_usd or 0) or found.lost_tokens or 0


def sentences(entry: Entry) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    found = entry.worst
    mark = "" if found.gating else " (a hint)"
    place = f" at {found.where}" if found.where else ""
    many = ""
    if len(entry.tests) > 1:
        total = f", {format_value(round(entry.lost_ms), 'ms')} in all" if entry.lost_ms else ""
        many = f" ({count(len(entry.tests), 'test')}{total}, worst: {plain(entry.hits[0][1])})"
    return f"{found.code} {found.name}{mark}: {plain(found.message)}{place}{many}", f"fix: {plain(found.fix)}"
