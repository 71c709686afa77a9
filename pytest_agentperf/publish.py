"""The reports that a session was asked for, written when it ends. The rooms behind them are imported only then."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_agentperf.options import REPORTS, Settings

if TYPE_CHECKING:
    from pytest_agentperf.model.profile import Profile
    from pytest_agentperf.model.report import Report


def publish(settings: Settings, report: Callable[[], Report], written: list[str]) -> Iterator[str]:
    """Write them, and add their paths to `written`. Yields what could not be, a sentence each."""
    for name, setting in REPORTS.items():
        if path := getattr(settings, setting):
            from pytest_agentperf.report.formats import write

            try:
                write(report(), name, Path(path))
                written.append(path)
            except OSError as problem:
                yield f"--agentperf-{name}: {path} cannot be written: {problem.strerror}"
    if settings.github and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        from pytest_agentperf.report.github import append_summary

        try:
            append_summary(report(), Path(summary))
        except OSError as problem:
            yield f"--agentperf-github: the summary {summary} cannot be written: {problem.strerror}"


def workflow_commands(settings: Settings, report: Callable[[], Report]) -> list[str]:
    """Lines for the log of a job on GitHub, which reads them there; elsewhere none."""
    if not settings.github or os.environ.get("GITHUB_ACTIONS") != "true":
        return []
    from pytest_agentperf.report.github import commands

    return commands(report()).splitlines()


def properties(others: Iterable[tuple[str, object]], profile: Profile) -> list[tuple[str, object]]:
    """JUnit's of a test: those of others, and each known number as `agentperf.NAME`, once however often it is tried.

    As text, which is what JUnit makes of them: xdist sends no decimals.
    """
    from pytest_agentperf.model.metric import METRICS, known_numbers

    own = {f"agentperf.{name}" for name in METRICS}
    kept = [(name, value) for name, value in others if name not in own]
    return [
        *kept,
        *(
            (f"agentperf.{name}", f"{value:f}" if isinstance(value, Decimal) else str(value))
            for name, value in known_numbers(profile).items()
        ),
    ]
