from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from pytest_agentperf.analyze.summary import CategoryStats, summary
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.profile import ClockKind, Profile
from samples import call, profiles, trip


def test_timers_count_by_their_name_and_its_parts_tools_by_name_and_calls_together() -> None:
    stats = summary(trip())

    assert list(stats) == [
        "llm", "LLM calls", "llm:planning", "planning", "flights", "answer", "llm:answer", "weather",
    ]  # fmt: skip
    assert stats["llm"] == CategoryStats(
        count=2, unknown=0, total_ms=2760.0, mean_ms=1380.0, min_ms=1290.0, max_ms=1470.0
    )
    assert stats["LLM calls"].total_ms == 1400 + 1250
    assert stats["weather"].count == 1


def test_what_took_nobody_knows_how_long_counts_but_has_no_time() -> None:
    lost = replace(trip(), calls=(call(0, 0, 100), call(1, 100, None, timing=Timing.UNKNOWN)))

    assert summary(lost)["LLM calls"] == CategoryStats(
        count=2, unknown=1, total_ms=100.0, mean_ms=100.0, min_ms=100.0, max_ms=100.0
    )
    assert summary(replace(trip(), clock=ClockKind.INSTANT))["flights"] == CategoryStats(
        count=1, unknown=1, total_ms=None, mean_ms=None, min_ms=None, max_ms=None
    )


def test_nothing_happened() -> None:
    assert summary(Profile(nodeid="t")) == {}


@settings(deadline=None)
@given(profile=profiles())
def test_statistics_agree_with_each_other(profile: Profile) -> None:
    for stats in summary(profile).values():
        if stats.total_ms is not None:
            assert stats.min_ms is not None
            assert stats.mean_ms is not None
            assert stats.max_ms is not None
            assert stats.min_ms <= stats.mean_ms + 1e-9
            assert stats.mean_ms <= stats.max_ms + 1e-9
            assert stats.total_ms == pytest.approx(stats.mean_ms * (stats.count - stats.unknown))
