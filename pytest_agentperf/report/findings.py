"""What rules found, over all tests: one entry for each thing that is wrong, however many tests show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.metric import format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.report.figures import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    worst: Finding
    """The one that costs most."""
    tests: tuple[str, ...]
    """Node ids, that of the worst first."""
    lost_ms: float | None
    """In all of them; None where none says."""


def entries(profiles: Iterable[Profile]) -> list[Entry]:
    """Proofs before hints, costly ones before cheap ones."""
    groups: dict[tuple[object, ...], list[tuple[Finding, str]]] = {}
    for profile in profiles:
        for found in profile.findings:
            identity = (found.code, found.cause, found.tools, found.where)
            groups.setdefault(identity, []).append((found, profile.nodeid))
    return sorted((_entry(group) for group in groups.values()), key=_rank)


def _entry(group: list[tuple[Finding, str]]) -> Entry:
    group.sort(key=lambda pair: -_weight(pair[0]))
    lost = [found.lost_ms for found, _ in group if found.lost_ms is not None]
    return Entry(
        worst=group[0][0],
        tests=tuple(dict.fromkeys(nodeid for _, nodeid in group)),
        lost_ms=sum(lost) if lost else None,
    )


def _rank(entry: Entry) -> tuple[bool, float, float, str]:
    return not entry.worst.gating, -(entry.lost_ms or 0), -_weight(entry.worst), entry.worst.code


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
        many = f" ({count(len(entry.tests), 'test')}{total}, worst: {plain(entry.tests[0])})"
    return f"{found.code} {found.name}{mark}: {plain(found.message)}{place}{many}", f"fix: {plain(found.fix)}"
