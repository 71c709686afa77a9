"""Precision and recall over all scenarios, and how many each rule has, printed at the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

COUNTS = pytest.StashKey[Counter[str]]()
PROVEN = pytest.StashKey[dict[str, tuple[int, int]]]()


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Callable[[set[object], set[object]], None]:
    def count(expected: set[object], found: set[object]) -> None:
        counts = request.config.stash.setdefault(COUNTS, Counter())
        counts["right"] += len(expected & found)
        counts["missed"] += len(expected - found)
        counts["false"] += len(found - expected)
        counts["programs"] += 1

    return count


@pytest.fixture
def proven(request: pytest.FixtureRequest) -> Callable[[str, int, int], None]:
    def tell(code: str, slow: int, clean: int) -> None:
        request.config.stash.setdefault(PROVEN, {})[code] = slow, clean

    return tell


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
    if table := terminalreporter.config.stash.get(PROVEN, None):
        rows = (f"{code} {slow}/{clean}" for code, (slow, clean) in sorted(table.items()))
        terminalreporter.write_line(f"programs, slow/clean: {', '.join(rows)}")
