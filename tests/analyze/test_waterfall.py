from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from pytest_agentperf.analyze.text import cells
from pytest_agentperf.analyze.waterfall import waterfall
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.profile import ClockKind, Profile
from samples import MS, call, profiles, span, tool, trip


def loop(turns: int, *tools: str) -> Profile:
    """An agent that calls a model and a tool in turn, a second each."""
    return Profile(
        nodeid="t",
        clock=ClockKind.VIRTUAL,
        latency_ns=turns * 1000 * MS,
        calls=tuple(call(at, at * 1000, at * 1000 + 600, first_ms=at * 1000 + 300) for at in range(turns)),
        spans=tuple(
            tool(at + 1, at * 1000 + 600, at * 1000 + 1000 - at, tools[at % len(tools)]) for at in range(turns)
        ),
    )


def test_a_trip_at_80_columns() -> None:
    assert waterfall(trip()) == snapshot("""\
                  0                                           4,200 ms
llm:planning      -------------------                                   1,470 ms
  LLM gpt-5-nano   .......===========                                   1,400 ms
tool flights                         #################                  1,300 ms
tool weather                         ########                             600 ms
llm:answer                                           -----------------  1,290 ms
  LLM gpt-5-nano                                     .................  1,250 ms
- timer  # tool  . waiting for the LLM  = LLM streaming
LLM 2,650 ms (63%)  tools 1,300 ms (31%)  idle 250 ms (6%)\
""")


def test_a_trip_at_120_columns() -> None:
    assert waterfall(trip(), width=120) == snapshot("""\
                  0                                                                                   4,200 ms
llm:planning       ---------------------------------                                                            1,470 ms
  LLM gpt-5-nano    .............==================                                                             1,400 ms
tool flights                                       ##############################                               1,300 ms
tool weather                                       ###############                                                600 ms
llm:answer                                                                       -----------------------------  1,290 ms
  LLM gpt-5-nano                                                                 ............................   1,250 ms
- timer  # tool  . waiting for the LLM  = LLM streaming
LLM 2,650 ms (63%)  tools 1,300 ms (31%)  idle 250 ms (6%)\
""")


def test_a_trip_where_there_is_hardly_room() -> None:
    assert waterfall(trip(), width=30) == snapshot("""\
              4,200 ms
llm:planning  ---     1,470 ms
  LLM..-nano  .==     1,400 ms
tool flights    ###   1,300 ms
tool weather    ##      600 ms
llm:answer        --  1,290 ms
  LLM..-nano      ..  1,250 ms
- timer  # tool
. waiting for the LLM
= LLM streaming
LLM 2,650 ms (63%)
tools 1,300 ms (31%)
idle 250 ms (6%)\
""")


def test_hundreds_of_calls_share_lines() -> None:
    assert waterfall(loop(200, "search", "sql")) == snapshot("""\
                     0                                    200,000 ms
LLM gpt-5-nano x200  .==..==..==.===.===.===.===.===.===.===.===.===  120,000 ms
tool search x100     ###############################################   30,100 ms
tool sql x100        ###############################################   30,000 ms
# tool  . waiting for the LLM  = LLM streaming
LLM 120,000 ms (60%)  tools 60,100 ms (30%)  idle 19,900 ms (10%)\
""")


def test_what_is_still_too_much_keeps_the_longest_with_what_is_around_them() -> None:
    spans = [span(1, 0, 1, "short timer around a long tool that outlives nothing")]
    spans += [tool(at, 0, 200 - at, f"tool {at}") for at in range(2, 150)]
    lines = waterfall(Profile(nodeid="t", latency_ns=200 * MS, spans=tuple(spans))).splitlines()

    assert len(lines) == 60 + 4
    assert lines[1].startswith("tool tool 2 ")
    assert lines[-3] == "... 89 shorter ones not shown"


def test_a_row_is_not_shown_without_those_around_it() -> None:
    outer = [span(at, 0, 1, f"timer {at}") for at in range(1, 4)]
    nested = [tool(10, 0, 1, "inside", parent=3)]
    rest = [tool(at, 0, 1, f"tool {at}") for at in range(11, 100)]
    lines = waterfall(Profile(nodeid="t", latency_ns=MS, spans=(*outer, *nested, *rest))).splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("  tool inside"))

    assert lines[at - 1].startswith("timer 3")


def test_unknown_ends_are_marked() -> None:
    calls = (
        call(0, 0, 1000),
        call(1, 1000, None, first_ms=1800, timing=Timing.STATED),
        call(2, 1800, None, timing=Timing.UNKNOWN),
    )
    profile = Profile(nodeid="t", clock=ClockKind.VIRTUAL, latency_ns=3000 * MS, calls=calls)

    assert waterfall(profile) == snapshot("""\
                0                                             3,000 ms
LLM gpt-5-nano  ..................                                      1,000 ms
LLM gpt-5-nano                    ..............?                              ?
LLM gpt-5-nano                                  ?                              ?
. waiting for the LLM  ? end unknown\
""")
    assert waterfall(replace(profile, clock=ClockKind.INSTANT)) == snapshot("""\
                replayed at once: no times
LLM gpt-5-nano  ?                                                              ?
LLM gpt-5-nano                      ?                                          ?
LLM gpt-5-nano                                      ?                          ?
? end unknown\
""")


def test_names_from_outside_cannot_break_the_picture() -> None:
    spans = (
        span(1, 0, 10, "two\nlines \x1b[31mred", error="ValueError"),
        tool(2, 0, 10, "\u65e5\u672c\u8a9e\u306e\u9577\u3044\u540d\u524d\u306e\u9053\u5177"),
        replace(tool(3, 0, 0, "quick"), end_ns=200),
    )
    assert waterfall(Profile(nodeid="t", latency_ns=10 * MS, spans=spans)) == snapshot("""\
                                0                                   10 ms
two lines \\x1b[31mred (failed)  -----------------------------------------  10 ms
tool 日本語の長い名前の道具     #########################################  10 ms
tool quick                      #                                          <1 ms
- timer  # tool
tools 10 ms (100%)\
""")


def test_nothing_to_show() -> None:
    assert waterfall(Profile(nodeid="t")) == "no LLM call, timer or tool"


@settings(deadline=None)
@given(profile=profiles(), width=st.integers(1, 200), clock=st.sampled_from(ClockKind))
def test_never_wider_than_asked(profile: Profile, width: int, clock: ClockKind) -> None:
    picture = waterfall(replace(profile, clock=clock), width=width)

    if profile.calls or profile.spans:
        assert max(map(cells, picture.splitlines())) <= width
