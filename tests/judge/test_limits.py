"""What a profile breaks, and how it is told."""

from dataclasses import replace
from decimal import Decimal

import pytest
from inline_snapshot import snapshot

from pytest_agentperf.judge.checks import BadLimit
from pytest_agentperf.judge.limits import LimitExceeded, check, closest, describe, read_limit, unjudged
from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.model.profile import ClockKind, Gauge, Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Cost, Usage

MS = 1_000_000
AT = "tests/test_agent.py:12"


def call(index=0, *, start=0, end=400, usage=Usage(input=100, output=20), **changes):  # noqa: B008
    fields = {
        "index": index,
        "provider": "openai",
        "api": "openai-chat",
        "model": "gpt-4o",
        "status": 200,
        "usage": usage,
        "cost": Cost(usd=Decimal("0.002"), source="table"),
        "start_ns": start * MS,
        "first_byte_ns": start * MS,
        "end_ns": end * MS,
        "origin": Origin.REPLAYED,
        "timing": Timing.RECORDED,
    }
    return ModelCall(**{**fields, **changes})


def profile(*calls, **changes):
    fields = {"nodeid": "t.py::t", "clock": ClockKind.VIRTUAL, "latency_ns": 1500 * MS, "calls": calls}
    return Profile(**{**fields, **changes})


def told(seen, name, *args, source=AT, explicit=True, **kwargs):
    return describe(check(seen, read_limit(name, args, kwargs, source=source, explicit=explicit)))


def test_a_kept_limit_is_silent():
    assert told(profile(call()), "max_latency", 1500) == ""


def test_latency_names_limit_place_gap_and_the_slowest_calls():
    seen = profile(call(), call(1, start=400, end=1500, model="gpt-5"))
    assert told(seen, "max_latency", 1000) == snapshot(
        """\
latency: 1,500 ms is over max_latency(1000) at tests/test_agent.py:12 by 500 ms (50%)
  LLM call 2 (gpt-5): 1,100 ms
  LLM call 1 (gpt-4o): 400 ms\
"""
    )


def test_cost_is_told_in_dollars():
    assert told(profile(call(), call(1)), "max_cost", "0.003") == snapshot(
        """\
cost: $0.0040 is over max_cost('0.003') at tests/test_agent.py:12 by $0.0010 (33%)
  LLM call 1 (gpt-4o): $0.0020
  LLM call 2 (gpt-4o): $0.0020\
"""
    )


def test_a_bound_of_zero_has_no_percentage():
    assert told(profile(call()), "max_llm_calls", 0).startswith(
        "LLM calls: 1 is over max_llm_calls(0) at tests/test_agent.py:12 by 1\n"
    )


@pytest.mark.parametrize(
    ("seen", "limit", "message"),
    [
        (
            profile(call(usage=None)),
            ("max_tokens", 1000),
            "tokens is unknown, so max_tokens(1000) at tests/test_agent.py:12 cannot be judged: "
            "1 of 1 LLM calls came without usage (gpt-4o)",
        ),
        (
            profile(call(usage=Usage(input=90, output=9, estimated=True))),
            ("max_tokens", 1000),
            "tokens is unknown, so max_tokens(1000) at tests/test_agent.py:12 cannot be judged: "
            "the wire does not say; ~99 tokens is an estimate and does not judge (agentperf_estimates = judge lets it)",
        ),
        (
            profile(call(cost=Cost(usd=None, source="none", note="no price for model 'x'"))),
            ("max_cost", 1),
            "cost is unknown, so max_cost(1) at tests/test_agent.py:12 cannot be judged: no price for model 'x'",
        ),
        (
            profile(call(timing=Timing.UNKNOWN)),
            ("max_latency", 1000),
            "latency is unknown, so max_latency(1000) at tests/test_agent.py:12 cannot be judged: "
            "1 of 1 LLM calls came without timing: the cassette holds none and the provider stated none",
        ),
        (
            profile(call(timing=Timing.STATED, end_ns=None, streamed=True)),
            ("max_latency", 1000),
            "latency is unknown, so max_latency(1000) at tests/test_agent.py:12 cannot be judged: the end of 1 of 1 LLM "
            "calls is not in the cassette: for a streamed answer the provider states its first byte only",
        ),
        (
            profile(call(), clock=ClockKind.INSTANT),
            ("max_ttft", 1000),
            "time to first token is unknown, so max_ttft(1000) at tests/test_agent.py:12 cannot be judged: "
            "the cassette was replayed at once (pace=instant)",
        ),
    ],
)
def test_the_unknown_fails_with_its_reason(seen, limit, message):
    known_later = limit[0] == "max_latency"
    first, *way_out = told(seen, *limit).splitlines()
    assert first == message
    assert way_out == (
        ["  A new recording keeps the times: pytest t.py::t --agentperf-record=all"] if known_later else []
    )


def test_a_stream_without_usage_is_told_how_to_get_it():
    assert told(profile(call(usage=None, streamed=True)), "max_tokens", 1000).splitlines()[1:] == [
        '  Ask for usage with stream_options={"include_usage": True}, and record again.'
    ]


def test_a_limit_of_a_test_that_saw_no_call_fails():
    assert told(profile(), "max_latency", 1000).startswith(
        "no LLM call was seen, so max_latency(1000) at tests/test_agent.py:12 says nothing"
    )


def test_no_call_is_what_max_llm_calls_0_wants():
    assert told(profile(), "max_llm_calls", 0) == ""


def test_who_says_that_there_are_no_calls_has_the_rest_judged():
    seen = replace(profile(), latency_ns=1_200_000_000)
    limits = [
        *read_limit("max_llm_calls", (0,), {}, source="t.py:1"),
        *read_limit("max_latency", (1000,), {}, source="t.py:2"),
    ]
    assert [violation.message for violation in check(seen, limits)] == [
        "latency: 1,200 ms is over max_latency(1000) at t.py:2 by 200 ms (20%)"
    ]


def test_a_limit_set_by_path_passes_over_a_test_without_calls_and_says_so():
    for limit in ("max_ttft", "max_latency"):
        limits = read_limit(limit, (2000,), {}, source="agentperf.yaml:3", explicit=False)
        assert check(profile(), limits) == ()
    assert unjudged(profile(), limits) == "no LLM call was seen in a test that agentperf.yaml:3 limits"
    assert unjudged(profile(call()), limits) is None


def test_within_narrows_to_the_timers_of_that_name_and_what_is_inside_them():
    timer = Span(id=1, parent=None, kind=SpanKind.TIMER, name="llm:planning", start_ns=0, end_ns=500 * MS)
    inner = Span(id=2, parent=1, kind=SpanKind.TOOL, name="search", start_ns=0, end_ns=100 * MS)
    seen = profile(call(span=2), call(1, start=500, end=1500), spans=(timer, inner))
    assert told(seen, "max_latency", 500, within="planning") == ""
    assert told(seen, "max_tokens", 119, within="llm:planning").startswith("tokens within 'llm:planning': 120 is over")
    assert told(seen, "max_tokens", 119, within="llm").startswith("tokens within 'llm'")
    assert "there was no timer 'writing' (there were: 'llm:planning', 'search')" in told(
        seen, "max_tokens", 119, within="writing"
    )


def test_tool_calls_of_one_tool():
    asked = (ToolCall(id="1", name="search", arguments="{}"), ToolCall(id="2", name="fetch", arguments="{}"))
    seen = profile(call(tool_calls=asked))
    assert told(seen, "max_tool_calls", 1, tool="search") == ""
    assert told(seen, "max_tool_calls", 0, tool="search").startswith("tool calls of search: 1 is over")


def test_numbers_of_the_teams_own():
    seen = profile(gauges=(Gauge(name="queue_ms", value=250.5, unit="ms"),))
    assert told(seen, "max_metric", "queue_ms", 200) == (
        "queue_ms: 250.5 ms is over max_metric('queue_ms', 200) at tests/test_agent.py:12 by 50.5 ms (25%)"
    )
    assert told(seen, "min_metric", "queue_ms", 200) == ""
    assert 'the test never called profiler.metric("hits", ...)' in told(seen, "min_metric", "hits", 1)


def test_numbers_of_ours_that_have_no_limit_of_their_own():
    runs = [
        Span(
            id=at, parent=None, kind=SpanKind.TOOL, name="search", start_ns=at * 10**9, end_ns=(at + 2) * 10**9, call=0
        )
        for at in (1, 2)
    ]
    seen = profile(call(), spans=tuple(runs))
    assert told(seen, "max_metric", "tool_time", 4000) == "" == told(seen, "min_metric", "tool_overlap", 2)
    assert told(seen, "max_metric", "tool_time", 3000).startswith(
        "tool time: 4,000 ms is over max_metric('tool_time', 3000)"
    )
    assert told(seen, "min_metric", "tool_overlap", 3).startswith(
        "tools at once: 2 is under min_metric('tool_overlap', 3)"
    )
    window = replace(runs[0], kind=SpanKind.WINDOW)
    assert "nobody saw the tools run" in told(replace(seen, spans=(window,)), "max_metric", "tool_time", 9999)
    with pytest.raises(BadLimit, match=r"agentperf measures 'latency' itself; its limit is max_latency\(ms"):
        told(seen, "max_metric", "latency", 1)


def test_the_closest_limit_on_a_thing_wins_and_others_stay():
    near, far, other = (read_limit("max_tokens", (n,), k) for n, k in ((1, {}), (2, {}), (3, {"within": "planning"})))
    assert [limit.bound for limit in closest([*near, *far, *other])] == [1, 3]


def test_latency_of_a_test_with_failed_calls_is_known():
    failed = call(usage=None, cost=None, error="429 rate_limit", end_ns=100 * MS)
    assert told(profile(failed, call(1)), "max_tokens", 120) == ""
    assert told(replace(profile(failed), latency_ns=100 * MS), "max_latency", 100) == ""


def test_the_exception_carries_the_violations():
    violations = check(profile(call()), read_limit("max_latency", (1,), {}))
    error = LimitExceeded(violations)
    assert isinstance(error, AssertionError)
    assert error.violations == violations
    assert str(error) == describe(violations)


@pytest.mark.parametrize("origin", [Origin.LIVE, Origin.REPLAYED])
def test_an_estimate_tells_how_to_get_the_number(origin):
    guessed = replace(call(streamed=True, usage=Usage(input=1, output=1, estimated=True)), origin=origin)
    text = told(profile(guessed), "max_tokens", 10)
    assert "~2 tokens is an estimate and does not judge (agentperf_estimates = judge lets it)" in text
    again = ", and record again" if origin is Origin.REPLAYED else ""
    assert f'Ask for usage with stream_options={{"include_usage": True}}{again}.' in text


def test_estimates_judge_where_they_may():
    guessed = call(usage=Usage(input=1, output=1, estimated=True))
    seen = profile(guessed, estimates_judge=True)
    assert told(seen, "max_tokens", 2) == ""
    assert "tokens: 2 is over max_tokens(1)" in told(seen, "max_tokens", 1)
