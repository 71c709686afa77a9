from __future__ import annotations

import random
import re
from dataclasses import replace
from decimal import Decimal
from email.message import Message
from importlib.metadata import PackageNotFoundError

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from pytest_agentperf.analyze.text import cells
from pytest_agentperf.model.change import Cause, Hit
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.profile import ClockKind, Gauge, Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.model.usage import Cost
from pytest_agentperf.report import terminal
from pytest_agentperf.report.terminal import render
from samples import MS, broken, call, limit, profiles, report, run, trip

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def tracker(monkeypatch: pytest.MonkeyPatch) -> Message:
    """What the installed package says of itself: nothing, until a test adds to it."""
    told = Message()
    monkeypatch.setattr(terminal, "metadata", lambda _name: told)
    return told


def block(of: Report, width: int, *, max_rows: int = 20) -> str:
    return "\n".join(["", *render(of, width=width, color=False, max_rows=max_rows), ""])


def estimated() -> TestRun:
    calls = (
        replace(item, usage=replace(item.usage, estimated=True), cost=replace(item.cost, estimated=True))
        for item in trip().calls
        if item.usage and item.cost
    )
    name = "tests/agents/test_chat.py::TestChat::test_long_conversation_with_follow_up[gpt-5-nano-parallel]"
    return run(replace(trip(name), calls=tuple(calls)))


def stated(nodeid: str = "tests/agents/test_stream.py::test_streamed") -> TestRun:
    return run(replace(trip(nodeid), calls=(call(0, 0, None, first_ms=500, timing=Timing.STATED),)))


def unpriced(nodeid: str = "tests/agents/test_new.py::test_new_model") -> TestRun:
    unknown = call(
        0, 0, 800, model="gpt-9", usage=None, cost=Cost(usd=None, source="none", note="no price for openai/gpt-9")
    )
    return run(replace(trip(nodeid), latency_ns=812 * MS, calls=(unknown,)))


def costly() -> TestRun:
    dear = call(0, 0, 30_000, cost=Cost(usd=Decimal("1.2345"), source="table"))
    profile = replace(
        trip("tests/agents/test_cost.py::test_costly"),
        latency_ns=35_123 * MS,
        calls=(dear,),
        gauges=(Gauge(name="cache_hit_rate", value=0.93, unit="ratio", better="higher"),),
        notes=("2 recorded interactions were not asked for",),
    )
    return run(profile, "failed")


def silent(nodeid: str = "tests/test_util.py::test_adds") -> TestRun:
    return run(Profile(nodeid=nodeid, latency_ns=3 * MS))


def everything() -> Report:
    return report(
        run(trip(), "failed", broken(trip(), limit())),
        estimated(),
        stated(),
        unpriced(),
        costly(),
        silent(),
        notes=("--agentperf-record=none wins over record_mode in vcr_config",),
        bugs=("KeyError: 'x' at decode/openai_chat.py:33",),
    )


def thousand() -> Report:
    """1,000 tests, among them some with streams of unknown end and some without usage and price, and 300 silent ones."""
    dice = random.Random(1)

    def one(at: int) -> TestRun:
        nodeid = (
            f"tests/{dice.choice(['planner', 'search'])}/test_m{at % 17:02}.py::TestAgent::test_case[{at}-gpt-5-nano]"
        )
        if at % 11 == 0:
            return unpriced(nodeid)
        calls = tuple(
            call(
                turn,
                turn * 1000,
                turn * 1000 + dice.randint(300, 900),
                cost=Cost(usd=Decimal(dice.randint(1, 90_000)) / 1_000_000, source="table"),
            )
            for turn in range(dice.randint(1, 9))
        )
        if at % 7 == 0:
            calls = tuple(
                replace(c, end_ns=None, streamed=True, first_byte_ns=c.start_ns + 200 * MS, timing=Timing.STATED)
                for c in calls
            )
        latency_ns = len(calls) * 1000 * MS + dice.randint(1, 10**9)
        return run(Profile(nodeid=nodeid, clock=ClockKind.VIRTUAL, latency_ns=latency_ns, calls=calls))

    return report(
        *(one(at) for at in range(1000)),
        *(silent(f"tests/test_util.py::test_{at}") for at in range(300)),
        notes=("the whole run has a note",),
    )


def test_one_test_at_80_columns() -> None:
    assert block(report(run(trip())), 80) == snapshot("""\

================= agentperf: 1 test, 2 LLM calls, virtual time =================
tests/agents/test_trip.py::
                      LLM        tool  input output     cost latency  ttft
                    calls turns calls tokens tokens      USD      ms    ms
  test_plans_a_trip     2     2     2  2,710    170 $0.00038   4,200 1,250
  also: cached input tokens 2,048, reasoning tokens 128
""")


def test_one_test_at_200_columns() -> None:
    assert block(report(run(trip())), 200) == snapshot("""\

============================================================================= agentperf: 1 test, 2 LLM calls, virtual time =============================================================================
tests/agents/test_trip.py::
                       LLM          tool   input  cached  output  reasoning      cost  latency   ttft
                     calls  turns  calls  tokens  tokens  tokens     tokens       USD       ms     ms
  test_plans_a_trip      2      2      2   2,710   2,048     170        128  $0.00038    4,200  1,250
""")


def test_everything_at_80_columns() -> None:
    assert block(everything(), 80) == snapshot("""\

======================= agentperf: 5 tests, 7 LLM calls ========================
tests/agents/
                              LLM  tool   input output       cost latency   ttft
                            calls calls  tokens tokens        USD      ms     ms
! test_plans_a_trip             2     2   2,710    170   $0.00038  !4,200  1,250
F test_costly                   1     0   1,200     85   $1.23     35,123 30,000
  test_long_c..no-parallel]     2     2  ~2,710   ~170  ~$0.00038   4,200  1,250
  test_new_model                1     0       ?      ?    ?           812    800
  test_streamed                 1     0   1,200     85   $0.00019       ?    500
  all 5 tests                   7     4 >~7,820  >~510 >~$1.24    >44,335
  all tests: turns 7, cached input tokens >~6,144, reasoning tokens >~384
1 test without LLM calls not listed

! max_latency(4000) at tests/agents/test_trip.py:12
? cost: no price for openai/gpt-9
? input, cached, output, reasoning: 1 of 1 LLM calls came without usage (gpt-9)
? latency: the end of 1 of 1 LLM calls is not in the cassette: for a streamed
  answer the provider states its first byte only
> at least: the tests with ? are not in it
~ estimated, because the wire does not say
F failed
metric cache_hit_rate: 0.93 ratio
note: --agentperf-record=none wins over record_mode in vcr_config
note: 2 recorded interactions were not asked for
bug in agentperf: KeyError: 'x' at decode/openai_chat.py:33
No test's outcome is affected. Please report it with these lines and:
  pytest-agentperf 0.1.0, genai-prices 0.2.1
""")


def test_everything_at_200_columns() -> None:
    assert block(everything(), 200) == snapshot("""\

=================================================================================== agentperf: 5 tests, 7 LLM calls ====================================================================================
tests/agents/
                                                                                        LLM          tool    input   cached  output  reasoning        cost  latency    ttft
                                                                                      calls  turns  calls   tokens   tokens  tokens     tokens         USD       ms      ms     time
! test_trip.py::test_plans_a_trip                                                         2      2      2    2,710    2,048     170        128    $0.00038   !4,200   1,250  virtual
F test_cost.py::test_costly                                                               1      1      0    1,200    1,024      85         64    $1.23      35,123  30,000  virtual
  test_chat.py::TestChat::test_long_conversation_with_follow_up[gpt-5-nano-parallel]      2      2      2   ~2,710   ~2,048    ~170       ~128   ~$0.00038    4,200   1,250  virtual
  test_new.py::test_new_model                                                             1      1      0        ?        ?       ?          ?     ?            812     800  virtual
  test_stream.py::test_streamed                                                           1      1      0    1,200    1,024      85         64    $0.00019        ?     500   stated
  all 5 tests                                                                             7      7      4  >~7,820  >~6,144   >~510      >~384  >~$1.24     >44,335
1 test without LLM calls not listed

! max_latency(4000) at tests/agents/test_trip.py:12
? cost: no price for openai/gpt-9
? input, cached, output, reasoning: 1 of 1 LLM calls came without usage (gpt-9)
? latency: the end of 1 of 1 LLM calls is not in the cassette: for a streamed answer the provider states its first byte only
> at least: the tests with ? are not in it
~ estimated, because the wire does not say
F failed
metric cache_hit_rate: 0.93 ratio
note: --agentperf-record=none wins over record_mode in vcr_config
note: 2 recorded interactions were not asked for
bug in agentperf: KeyError: 'x' at decode/openai_chat.py:33
No test's outcome is affected. Please report it with these lines and: pytest-agentperf 0.1.0, genai-prices 0.2.1
""")


def test_a_thousand_tests_at_80_columns() -> None:
    assert block(thousand(), 80, max_rows=5) == snapshot("""\

=================== agentperf: 1,000 tests, 4,640 LLM calls ====================
tests/
                              LLM        tool  input output  cost latency ttft
                            calls turns calls tokens tokens   USD      ms   ms
  test_case[908-gpt-5-nano]     9     9     0 21,960    765 $0.59   9,964  789
  test_case[505-gpt-5-nano]     9     9     0 21,960    765 $0.47   9,998  895
  test_case[293-gpt-5-nano]     9     9     0 21,960    765 $0.44   9,992  702
  test_case[124-gpt-5-nano]     9     9     0 21,960    765 $0.39   9,986  814
  test_case[617-gpt-5-nano]     9     9     0 21,960    765 $0.54   9,947  877
  all tests: LLM calls 4,640, turns 4,640, tool calls 0, input tokens
    >9,189,960, cached input tokens >4,658,176, output tokens >386,665,
    reasoning tokens >291,136, cost >$206.15, latency >4,406,071 ms
995 more tests, faster and cheaper, not shown; to see all:
  --agentperf-json=run.json, then: python -m pytest_agentperf show run.json
  --rows=1000
300 tests without LLM calls not listed

? latency: the end of 600 of 600 LLM calls is not in the cassette: for a
  streamed answer the provider states its first byte only (130 tests)
? cost: no price for openai/gpt-9 (91 tests)
? input, cached, output, reasoning: 91 of 91 LLM calls came without usage
  (gpt-9) (91 tests)
> at least: the tests with ? are not in it
note: the whole run has a note
""")


def test_a_thousand_tests_at_200_columns() -> None:
    assert block(thousand(), 200, max_rows=5) == snapshot("""\

=============================================================================== agentperf: 1,000 tests, 4,640 LLM calls ================================================================================
tests/
                                                               LLM          tool       input      cached    output  reasoning      cost     latency  ttft
                                                             calls  turns  calls      tokens      tokens    tokens     tokens       USD          ms    ms     time
  planner/test_m07.py::TestAgent::test_case[908-gpt-5-nano]      9      9      0      21,960       9,216       765        576     $0.59       9,964   789  virtual
  planner/test_m12.py::TestAgent::test_case[505-gpt-5-nano]      9      9      0      21,960       9,216       765        576     $0.47       9,998   895  virtual
  planner/test_m04.py::TestAgent::test_case[293-gpt-5-nano]      9      9      0      21,960       9,216       765        576     $0.44       9,992   702  virtual
  search/test_m05.py::TestAgent::test_case[124-gpt-5-nano]       9      9      0      21,960       9,216       765        576     $0.39       9,986   814  virtual
  planner/test_m05.py::TestAgent::test_case[617-gpt-5-nano]      9      9      0      21,960       9,216       765        576     $0.54       9,947   877  virtual
  all 1,000 tests                                            4,640  4,640      0  >9,189,960  >4,658,176  >386,665   >291,136  >$206.15  >4,406,071
995 more tests, faster and cheaper, not shown; to see all: --agentperf-json=run.json, then: python -m pytest_agentperf show run.json --rows=1000
300 tests without LLM calls not listed

? latency: the end of 600 of 600 LLM calls is not in the cassette: for a streamed answer the provider states its first byte only (130 tests)
? cost: no price for openai/gpt-9 (91 tests)
? input, cached, output, reasoning: 91 of 91 LLM calls came without usage (gpt-9) (91 tests)
> at least: the tests with ? are not in it
note: the whole run has a note
""")


def test_a_run_without_llm_calls_says_so() -> None:
    assert block(report(silent()), 40) == snapshot("""\

============== agentperf ===============
no LLM call was seen in 1 test
""")
    assert block(report(), 40) == snapshot("""\

============== agentperf ===============
no test was measured
""")


def test_tests_that_only_timed_something_are_listed_when_no_test_called_an_llm() -> None:
    timed = run(replace(trip(), calls=()))

    assert "test_plans_a_trip" in block(report(timed, silent()), 80)
    assert "test_plans_a_trip" not in block(report(timed, stated()), 80)


def test_colour_changes_nothing_but_colour() -> None:
    plain, coloured = (render(everything(), width=80, color=color) for color in (False, True))

    assert [ESCAPE.sub("", line) for line in coloured] == plain
    assert sum(line.count("\x1b[31m") for line in coloured) >= 3


def test_a_limit_that_was_not_kept_marks_its_cell_only_where_the_cell_has_that_number() -> None:
    profile = trip()
    within = replace(limit('max_latency(100, within="llm")'), within="llm")

    assert "!4,200" in block(report(run(profile, "failed", broken(profile, limit()))), 80)
    elsewhere = block(report(run(profile, "failed", broken(profile, within))), 80)
    assert "!4,200" not in elsewhere
    assert "\n! test_plans_a_trip" in elsewhere
    assert '! max_latency(100, within="llm") at tests/agents/test_trip.py:12' in elsewhere


def test_the_same_limit_of_many_tests_is_one_line() -> None:
    profiles_ = [trip(f"tests/test_a.py::test_{at}") for at in range(30)]
    text = block(report(*(run(profile, "failed", broken(profile, limit())) for profile in profiles_)), 80)

    assert "! max_latency(4000) at tests/agents/test_trip.py:12 (30 tests)" in text


def test_what_broke_a_limit_comes_before_what_is_merely_slow() -> None:
    quick = replace(trip("tests/test_a.py::test_quick"), latency_ns=5 * MS)
    text = block(report(costly(), run(quick, "failed", broken(quick, limit()))), 80, max_rows=1)

    assert "test_quick" in text
    assert "test_costly" not in text


def test_outcomes_other_than_passed_are_told() -> None:
    outcomes = ("failed", "skipped", "xfailed", "xpassed", "passed")
    text = block(report(*(run(trip(f"t.py::test_{name}"), name) for name in outcomes)), 80)

    for mark, name in zip("FsxX ", outcomes, strict=True):
        assert f"\n{mark} test_{name}" in text
    assert "\nX xpassed\n" in text


def test_own_metrics_of_many_tests_are_one_line_with_the_worst() -> None:
    def rated(name: str, value: float) -> TestRun:
        gauge = Gauge(name="hit_rate", value=value, unit="ratio", better="higher")
        return run(replace(trip(f"t.py::{name}"), gauges=(gauge,)))

    text = block(report(rated("test_a", 0.5), rated("test_b", 0.25), rated("test_c", 0.75)), 200)

    assert "metric hit_rate: 0.25 to 0.75 ratio, mean 0.5 (3 tests, worst: t.py::test_b)" in text


def test_notes_are_told_once_with_a_count_and_not_without_end() -> None:
    tests = [run(replace(trip(f"t.py::test_{at}"), notes=("shared", f"note {at:02}"))) for at in range(20)]
    text = block(report(*tests), 80)

    assert "note: shared (20 tests)" in text
    assert "note: 13 more notes, all in --agentperf-json" in text
    assert "note: 1 more note, all in --agentperf-json" in block(report(*tests[:8]), 80)


def test_names_are_told_by_function_where_modules_have_no_room() -> None:
    long = "a_module_with_a_really_long_name_for_its_tests"
    tests = [
        run(trip(f"tests/test_{long}_{at}.py::test_{name}")) for at, name in enumerate(["one", "two", "both", "both"])
    ]
    text = block(report(*tests), 80)

    assert "\n  test_one " in text
    assert "..0.py::test_one" not in text
    assert "both" in text
    assert "  test_both " not in text  # there are two


def test_control_characters_from_outside_stay_outside() -> None:
    evil = run(replace(trip("t.py::test_x[\x1b]0;title\x07\n]"), notes=("two\nlines \x1b[2J",)))

    assert all(line.isprintable() for line in render(report(evil), width=80, color=False))


def test_a_bug_of_ours_is_told_with_where_to_report_it(tracker: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    of = report(run(trip()), bugs=("KeyError: 'x' at a.py:1", "KeyError: 'x' at a.py:1"))
    tracker["Project-URL"] = "Changelog, https://example.org/changes"
    tracker["Project-URL"] = "Issues, https://example.org/issues"

    assert block(of, 200).count("bug in agentperf: KeyError: 'x' at a.py:1\n") == 1
    assert "Please report it at https://example.org/issues with these lines and: pytest-agentperf 0.1.0" in block(
        of, 200
    )

    def not_installed(name: str) -> Message:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(terminal, "metadata", not_installed)
    assert "Please report it with these lines and: " in block(of, 200)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(profile=profiles(), width=st.integers(20, 220), names=st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_the_table_is_never_wider_than_the_terminal(profile: Profile, width: int, names: list[str]) -> None:
    lines = render(
        report(*(run(replace(profile, nodeid=f"tests/test_a.py::{name}")) for name in names)), width=width, color=False
    )
    table = lines[: lines.index("")] if "" in lines else lines

    assert max(map(cells, table)) <= width


def test_what_the_marks_of_causes_mean() -> None:
    def marked(**how: bool) -> str:
        found = Cause(
            kind="k", key="k", sentence="it changed", shares=(), hits=(Hit(nodeid="t.py::a", shares=()),), **how
        )
        return block(replace(report(run(trip("t.py::a"))), causes=(found,)), 80)

    assert "\n! it changed\n    worst: t.py::a" in marked()
    assert "failed a test" not in marked()
    assert "\n- it changed\n    worst: t.py::a\n- worse, failed nothing" in marked(gating=False)
    assert "\n+ it changed\n    most: t.py::a\n+ better" in marked(gating=False, better=True)
    assert "\n= accepted since the merge base: it changed\n    worst: t.py::a\n= agreed to" in marked(
        gating=False, accepted=True
    )
