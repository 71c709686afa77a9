"""Precision and recall over all scenarios, printed at the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

COUNTS = pytest.StashKey[Counter[str]]()


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Callable[[set[object], set[object]], None]:
    def count(expected: set[object], found: set[object]) -> None:
        counts = request.config.stash.setdefault(COUNTS, Counter())
        counts["right"] += len(expected & found)
        counts["missed"] += len(expected - found)
        counts["false"] += len(found - expected)
        counts["programs"] += 1

    return count


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield
    counts = terminalreporter.config.stash.get(COUNTS, None)
    if counts:
        right = counts["right"]
        precision, recall = (right / max(1, right + counts[wrong]) for wrong in ("false", "missed"))
        terminalreporter.write_line(
            f"rules on {counts['programs']} programs: precision {precision:.3f}, recall {recall:.3f} ({right} findings)"
        )
