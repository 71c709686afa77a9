"""Several sources, one span for each call."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentperf.model.call import Message, ModelCall, Prompt, ToolCall, ToolResult
from pytest_agentperf.model.exchange import Exchange, Origin, Request, Timing
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.record.tools.merge import merged
from pytest_agentperf.record.tools.open_calls import OpenCalls
from pytest_agentperf.record.tools.window import with_windows


def tool(id: int, start: int, end: int, **facts) -> Span:
    values = {"parent": None, "kind": SpanKind.TOOL, "name": "search", "call": 0, "call_id": "c1", "source": "detector"}
    return Span(id=id, start_ns=start, end_ns=end, **{**values, **facts})


def answer(index: int, *tools: ToolCall, **facts) -> ModelCall:
    return ModelCall(
        index=index, provider="openai", api="openai-chat", model="m", tool_calls=tools, **{"end_ns": 10, **facts}
    )


def one(*spans: Span) -> Span:
    (span,), _ = merged(spans, ())
    return span


def test_the_best_source_tells_and_the_others_fill_in():
    seam = tool(1, 10, 50, source="seam")
    detector = tool(2, 12, 48, parent=1, cpu_ns=7)
    assert one(seam, detector) == replace(seam, cpu_ns=7)
    by_hand = tool(3, 20, 30, parent=2, source="profiler", error="KeyError")
    assert one(seam, detector, by_hand) == replace(by_hand, id=1, parent=None, cpu_ns=7)


def test_of_frames_the_outer_counts_unless_an_inner_one_is_surer_and_as_long():
    outer, inner = tool(1, 0, 100, confidence="likely"), tool(2, 10, 95, parent=1)
    assert (one(outer, inner).start_ns, one(outer, inner).end_ns) == (10, 95)
    check = replace(inner, end_ns=15)
    assert (one(outer, check).start_ns, one(outer, check).end_ns) == (0, 100)


def test_a_tool_that_is_tried_again_runs_to_its_last_end():
    first, second = tool(1, 0, 10, source="seam", error="TimeoutError"), tool(2, 20, 30, source="seam")
    assert (one(first, second).end_ns, one(first, second).error) == (30, None)


def test_of_a_frameworks_places_within_each_other_the_inner_one_counts():
    waits, runs, again = (tool(1, 0, 100, source="seam"), *(tool(i, i * 20, i * 20 + 9, source="seam") for i in (2, 3)))
    assert one(waits, replace(runs, parent=1)) == replace(runs, id=1)
    between = tool(4, 0, 100, call=None, call_id=None, parent=1)
    assert one(waits, replace(runs, parent=4), between) == replace(runs, id=1)
    retried = one(waits, replace(runs, parent=1), replace(again, parent=1))
    assert (retried.start_ns, retried.end_ns) == (40, 69)


def test_what_a_tool_does_inside_of_itself_is_no_other_tool():
    outer = tool(1, 0, 100, source="seam")
    part = tool(2, 10, 90, parent=1, name="mcp", call=None, call_id=None, source="seam")
    by_hand = replace(part, id=3, parent=2, source="profiler")
    inner_call = answer(5, span=2)
    spans, calls = merged((outer, part, by_hand), (inner_call,))
    assert [(span.id, span.name, span.parent) for span in spans] == [(1, "search", None), (2, "mcp", 1)]
    assert calls[0].span == 1
    alone = replace(part, id=1, parent=None)
    assert one(alone) == alone


SPANS = st.lists(
    st.builds(
        Span,
        id=st.just(0),
        parent=st.none() | st.integers(1, 9),
        kind=st.sampled_from(SpanKind),
        name=st.just("x"),
        start_ns=st.integers(0, 50),
        end_ns=st.integers(50, 99),
        source=st.sampled_from(["profiler", "seam", "otel", "detector"]),
        confidence=st.sampled_from(["exact", "likely", "guess"]),
        call=st.none() | st.integers(0, 2),
        call_id=st.sampled_from(["a", "b"]),
    ),
    max_size=9,
).map(
    lambda spans: [
        replace(span, id=at, parent=span.parent if span.parent and span.parent < at else None)
        for at, span in enumerate(spans, 1)
    ]
)


@given(SPANS, st.lists(st.integers(1, 9), max_size=3))
def test_whatever_is_told_one_span_a_call_in_one_tree(spans, places):
    calls = [answer(index, span=place if place <= len(spans) else None) for index, place in enumerate(places)]
    one_each, placed = merged(spans, calls)
    keys = [(span.call, span.call_id) for span in one_each if span.kind is SpanKind.TOOL and span.call is not None]
    given_keys = {(s.call, s.call_id) for s in spans if s.kind is SpanKind.TOOL and s.call is not None}
    assert sorted(keys) == sorted(given_keys)
    assert [span.id for span in one_each] == list(range(1, len(one_each) + 1))
    assert [span.start_ns for span in one_each] == sorted(span.start_ns for span in one_each)
    ids = {span.id: span for span in one_each}
    for span in one_each:
        seen = set()
        while span.parent is not None:
            assert span.parent in ids
            assert span.id not in seen
            seen.add(span.id)
            span = ids[span.parent]
    assert all(call.span is None or call.span in ids for call in placed)
    again, same = merged(one_each, placed)
    assert list(again) == list(one_each)
    assert list(same) == list(placed)


# -- open calls --------------------------------------------------------------------------------------------------------


def calls_of(*tools: tuple[str | None, str, str]) -> OpenCalls:
    calls = OpenCalls()
    calls.answered(answer(0, *(ToolCall(id=id, name=name, arguments=arguments) for id, name, arguments in tools)))
    return calls


def matched(calls: OpenCalls, *args, **kwargs) -> tuple[str, str] | None:
    match = calls.match(*args, **kwargs)
    if match is None:
        return None
    match.call.seen_by.add(args[3])
    return match.call.key[1], match.confidence


def test_a_run_finds_its_call():
    calls = calls_of(("a", "search", '{"q": 1}'), ("b", "search", '{"q": 2}'), ("c", "search", '{"q": 2}'))
    assert matched(calls, "whatever", None, "b", "otel") == ("b", "exact")
    assert matched(calls, "whatever", None, "z", "otel") is None
    assert matched(calls, "search", {"q": 1}, "z", "otel") is None
    assert matched(calls_of((None, "search", "{}")), "search", {}, "made up", "otel") == ("#1", "exact")
    assert matched(calls, "search", {"q": 2, "limit": 9}, None, "seam") == ("b", "exact")
    assert matched(calls, "search", '{"q": 2}', None, "seam") == ("c", "exact")
    assert matched(calls, "search", {"q": 2}, None, "seam") == ("b", "exact"), "a second try"
    assert matched(calls, "search", {"query": "1"}, None, "seam") == ("a", "likely")
    assert matched(calls, "server-search", {"q": 1}, None, "profiler") == ("a", "likely")
    assert matched(calls, "search", None, None, "detector") == ("a", "likely")
    assert matched(calls, "other", {}, None, "detector") is None


def test_an_inner_run_belongs_to_the_call_around_it():
    calls = calls_of(("a", "search", '{"q": 1}'), ("b", "search", '{"q": 1}'))
    assert matched(calls, "search", {"q": 1}, None, "seam") == ("a", "exact")
    assert matched(calls, "search", {"q": 1}, None, "seam", around={(0, "a")}) == ("a", "exact")
    assert matched(calls, "search", {"q": 1}, None, "seam") == ("b", "exact")


def test_arguments_that_cannot_be_compared_break_nothing():
    class Odd:
        def __eq__(self, other):
            raise RuntimeError

        __hash__ = None

    calls = calls_of(("a", "search", '{"q": 1}'))
    assert matched(calls, "search", {"q": Odd()}, None, "seam") == ("a", "likely")


def request(text: str) -> Request:
    return Request(method="POST", url="http://x/v1", body=text.encode())


def test_the_request_with_the_results_closes_its_calls_and_no_others():
    calls = calls_of(("a", "search", "{}"), ("b", "fetch", "{}"))
    calls.answered(answer(1, ToolCall(id="other", name="search", arguments="{}")))
    calls.leaving(request('{"messages": [{"role": "user", "content": "hi"}]}'))
    assert len(calls.open) == 3
    calls.leaving(request('{"messages": [{"tool_calls": [{"id": "a"}, {"id": "b"}]}]}'))
    assert [call.id for call in calls.open] == ["other"]


GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"


def gemini(*contents: str) -> Request:
    body = '{"contents": [' + ", ".join(contents) + "]}"
    return Request(method="POST", url=GEMINI, body=body.encode())


def test_without_identifiers_the_conversation_tells():
    from pytest_agentperf.decode.decoder import decode

    asks = '{"role": "user", "parts": [{"text": "hi"}]}'
    first = decode(
        Exchange(
            index=0,
            request=gemini(asks),
            response=None,
            start_ns=0,
            first_byte_ns=None,
            end_ns=None,
            origin=Origin.LIVE,
            timing=Timing.MEASURED,
        )
    )
    calls = OpenCalls()
    calls.answered(replace(first.call, tool_calls=(ToolCall(id=None, name="search", arguments="{}"),) * 2))
    assert [call.key for call in calls.open] == [(0, "#1"), (0, "#2")]
    calls.leaving(gemini('{"role": "user", "parts": [{"text": "another"}]}', asks))
    calls.leaving(gemini(asks))
    assert len(calls.open) == 2
    calls.leaving(gemini(asks, '{"role": "user", "parts": [{"functionResponse": {"name": "search"}}]}'))
    assert calls.open == ()


# -- windows -----------------------------------------------------------------------------------------------------------


def result(call_id: str | None) -> Prompt:
    message = Message(role="user", digest="d", size=1)
    return Prompt(messages=(message,), results=(ToolResult(call_id=call_id, digest="", size=5),))


def test_a_window_holds_what_nobody_saw():
    both = (ToolCall(id="a", name="search", arguments="{}"), ToolCall(id="b", name="fetch", arguments="{}"))
    asking, other = answer(0, *both, end_ns=10, span=1), answer(1, start_ns=15)
    going_on = answer(2, start_ns=50, prompt=result("b"))
    timer = Span(id=1, parent=None, kind=SpanKind.TIMER, name="all", start_ns=0, end_ns=90)
    seen = tool(2, 20, 30, call_id="a", parent=1)
    spans = with_windows((timer, seen), (asking, other, going_on))
    window = spans[2]
    assert (window.kind, window.name, window.start_ns, window.end_ns) == (SpanKind.WINDOW, "fetch", 10, 50)
    assert (window.source, window.confidence, window.call, window.call_id) == ("window", "guess", 0, None)
    assert (window.parent, spans[1].parent) == (1, 3)
    in_order, _ = merged(spans, ())
    assert [(span.id, span.kind, span.parent) for span in in_order] == [
        (1, SpanKind.TIMER, None),
        (2, SpanKind.WINDOW, 1),
        (3, SpanKind.TOOL, 2),
    ]


def test_no_window_where_all_was_seen_or_no_result_left():
    asking = answer(0, ToolCall(id="a", name="search", arguments="{}"))
    assert with_windows((tool(1, 20, 30, call_id="a"),), (asking, answer(1, start_ns=50, prompt=result("a")))) == (
        tool(1, 20, 30, call_id="a"),
    )
    assert with_windows((), (asking, answer(1, start_ns=50, prompt=result("z")))) == ()


@pytest.mark.parametrize(("arguments", "windows"), [("{}", 0), ('{"q": 2}', 1)], ids=["the same", "another"])
def test_what_two_answers_ask_for_under_one_identifier_runs_for_both(arguments, windows):
    asking, again = (
        answer(at, ToolCall(id="a", name="search", arguments=text), start_ns=10 * at, end_ns=10 * at + 5)
        for at, text in enumerate(("{}", arguments))
    )
    going_on = answer(2, start_ns=50, prompt=result("a"))
    spans = with_windows((tool(1, 20, 30, call_id="a"),), (asking, again, going_on))
    assert [span.kind for span in spans].count(SpanKind.WINDOW) == windows
