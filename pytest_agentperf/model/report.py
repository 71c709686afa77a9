"""A whole run, as the reports read it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_agentperf.model.limit import Violation
from pytest_agentperf.model.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    __test__ = False  # not a test class, whatever pytest thinks of its name

    profile: Profile
    outcome: str
    """pytest's word: `passed`, `failed`, `skipped`, `xfailed`, `xpassed`."""
    violations: tuple[Violation, ...] = ()
    """Limits not kept. Where the test's body failed by itself they were not judged."""
    worker: str = ""
    """xdist's worker; empty without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    tests: tuple[TestRun, ...]
    """Sorted by node id."""
    notes: tuple[str, ...] = ()
    """About the run as a whole."""
    bugs: tuple[str, ...] = ()
    """Errors of our own that were kept away from the tests, one line each."""
    versions: tuple[tuple[str, str], ...] = ()
    """Of what the numbers depend on: this plugin, the price table."""
