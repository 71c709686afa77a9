from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from inline_snapshot import snapshot

from pytest_agentperf.analyze.timeline import shares, timeline
from pytest_agentperf.analyze.waterfall import waterfall
from pytest_agentperf.model.profile import ClockKind, Profile
from samples import MS, call, profiles, tool, trip

BACK_OFF = Profile(
    nodeid="t",
    clock=ClockKind.VIRTUAL,
    latency_ns=1000 * MS,
    calls=(call(0, 0, 100, error="429", status=429), call(1, 600, 900, first_ms=700)),
    spans=(replace(tool(1, 100, 200, "log"), thread=2, task=1),),
)


def test_segments_by_thread_and_task() -> None:
    seen = timeline(BACK_OFF)

    assert [(s.kind, s.name, s.start_ns // MS, s.end_ns // MS) for s in seen.segments] == snapshot(
        [
            ("waiting", "gpt-5-nano", 0, 100),
            ("tool", "log", 100, 200),
            ("idle", "", 200, 600),
            ("retry", "gpt-5-nano", 600, 900),
            ("idle", "", 900, 1000),
        ]
    )
    assert list(seen.lanes()) == [(0, None), (2, 1)]


def test_a_pause_between_retries_is_idle() -> None:
    found = shares(BACK_OFF)

    assert (found.llm_ns // MS, found.tool_ns // MS, found.own_ns, found.idle_ns // MS) == (400, 100, 0, 500)


def test_in_real_time_cpu_tells_own_work_from_idleness() -> None:
    found = shares(replace(trip(), clock=ClockKind.REAL, cpu_ns=40 * MS))

    assert (found.llm_ns // MS, found.tool_ns // MS, found.own_ns // MS, found.idle_ns // MS) == (2650, 1300, 40, 210)


def test_a_streamed_answer_waits_and_streams() -> None:
    kinds = [(s.kind, s.start_ns // MS, s.end_ns // MS) for s in timeline(trip()).segments if s.name == "gpt-5-nano"]

    assert kinds == [("waiting", 100, 700), ("streaming", 700, 1500), ("waiting", 2900, 4150)]


@given(profile=profiles())
def test_shares_add_up_to_the_latency(profile: Profile) -> None:
    found = shares(profile)

    assert found.llm_ns + found.tool_ns + found.own_ns + found.idle_ns == profile.latency_ns
    assert min(found.llm_ns, found.tool_ns, found.own_ns, found.idle_ns) >= 0


def test_an_instant_replay_has_none() -> None:
    instant = replace(trip(), clock=ClockKind.INSTANT)

    assert timeline(instant).segments == ()
    assert shares(instant) == shares(Profile(nodeid="t"))


@given(profile=profiles())
def test_colours_change_nothing_but_colours(profile: Profile) -> None:
    assert re.sub(r"\x1b\[\d*m", "", waterfall(profile, color=True)) == waterfall(profile)
