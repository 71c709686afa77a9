from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from inline_snapshot import snapshot

from pytest_agentperf.analyze.critical_path import critical_path
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.profile import ClockKind, Profile
from samples import MS, call, profiles, span, tool, trip


def told(profile: Profile) -> list[str]:
    return [f"{s.kind} {s.name} {s.start_ns // MS}-{s.end_ns // MS}" for s in critical_path(profile)]


def test_of_two_tools_at_once_the_slower_one_is_on_the_path() -> None:
    assert told(trip()) == snapshot(
        [
            "own own 0-50",
            "timer llm:planning 50-100",
            "llm gpt-5-nano 100-1500",
            "timer llm:planning 1500-1520",
            "own own 1520-1550",
            "tool flights 1550-2850",
            "own own 2850-2880",
            "timer llm:answer 2880-2900",
            "llm gpt-5-nano 2900-4150",
            "timer llm:answer 4150-4170",
            "own own 4170-4200",
        ]
    )


def test_what_overlaps_the_next_step_did_not_cause_it() -> None:
    profile = Profile(nodeid="t", latency_ns=150 * MS, spans=(tool(1, 0, 100, "early"), tool(2, 50, 150, "late")))

    assert told(profile) == ["own own 0-50", "tool late 50-150"]


def test_a_parallel_branch_keeps_its_own_work() -> None:
    profile = Profile(
        nodeid="t",
        latency_ns=100 * MS,
        spans=(span(1, 0, 100, "left"), span(2, 0, 90, "right")),
        calls=(call(0, 0, 50, span=1), call(1, 0, 90, span=2)),
    )

    assert told(profile) == ["llm gpt-5-nano 0-50", "timer left 50-100"]


def test_background_work_that_outlives_its_timer_and_the_test() -> None:
    profile = Profile(
        nodeid="t",
        latency_ns=100 * MS,
        spans=(
            span(1, 0, 10, "spawn"),
            tool(2, 5, 80, "outlives its timer", parent=1),
            tool(3, 20, 300, "outlives all"),
        ),
    )

    assert told(profile) == ["own own 0-5", "tool outlives its timer 5-80", "own own 80-100"]


def test_what_began_before_the_body_counts_from_its_start() -> None:
    profile = Profile(nodeid="t", latency_ns=20 * MS, spans=(span(1, -30, 15, "setup"),))

    assert told(profile) == ["timer setup 0-15", "own own 15-20"]


def test_calls_of_unknown_end_are_counted_where_they_began() -> None:
    calls = (
        call(0, 0, 1000),
        call(1, 1000, None, first_ms=1800, timing=Timing.STATED),
        call(2, 1800, None, timing=Timing.UNKNOWN),
    )
    first, rest = critical_path(Profile(nodeid="t", clock=ClockKind.VIRTUAL, latency_ns=3000 * MS, calls=calls))

    assert (first.kind, first.untimed) == ("llm", 0)
    assert (rest.kind, rest.duration_ns, rest.untimed) == ("own", 2000 * MS, 2)


def test_an_instant_replay_has_no_path() -> None:
    assert critical_path(replace(trip(), clock=ClockKind.INSTANT)) == ()
    assert critical_path(Profile(nodeid="t")) == ()


@settings(deadline=None)
@given(profile=profiles())
def test_the_steps_fill_the_latency_without_gap_or_overlap(profile: Profile) -> None:
    path = critical_path(profile)

    assert sum(step.duration_ns for step in path) == profile.latency_ns
    assert all(step.duration_ns > 0 for step in path)
    assert all(a.end_ns == b.start_ns for a, b in pairwise(path))


@settings(deadline=None)
@given(profile=profiles(unknown=False))
def test_every_step_lies_within_the_work_that_it_names(profile: Profile) -> None:
    work = {("llm", item.index): (item.start_ns, item.end_ns or 0) for item in profile.calls}
    work |= {(item.kind.value, item.id): (item.start_ns, item.end_ns) for item in profile.spans}

    for step in critical_path(profile):
        if step.id is not None:
            start_ns, end_ns = work[step.kind, step.id]
            assert start_ns <= step.start_ns <= step.end_ns <= end_ns
