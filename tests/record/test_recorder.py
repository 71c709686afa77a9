"""The recorder by itself: spans, calls that taps tell of, gates, stops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_agentperf.model.exchange import Request
from pytest_agentperf.model.profile import ClockKind, Gauge
from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.record.recorder import Recorder, Stop, active

CHAT = Request(
    method="POST",
    url="https://api.openai.com/v1/chat/completions",
    body=b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}',
)
ANSWER = (
    b'{"id": "c", "object": "chat.completion", "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "stop",'
    b'"message": {"role": "assistant", "content": "Hello."}}], "usage": {"prompt_tokens": 7, "completion_tokens": 3,'
    b'"total_tokens": 10}}'
)
JSON = (("content-type", "application/json"),)
MS = 1_000_000


def test_recorders_stack():
    assert active() is None
    with Recorder() as outer:
        assert active() is outer
        with Recorder() as inner:
            assert active() is inner
        assert active() is outer
    assert active() is None


def test_closing_out_of_order_leaves_the_others_open():
    first, second = Recorder(), Recorder()
    first.open()
    second.open()
    first.close()
    assert active() is second
    second.close()
    second.close()
    assert active() is None


def test_times_read_zero_when_it_was_opened(clock):
    with Recorder(clock=ClockKind.VIRTUAL) as recorder:
        clock.sleep(0.1)
        pending = recorder.begin(CHAT)
        clock.sleep(0.2)
        pending.response(200, JSON)
        clock.sleep(0.3)
        pending.chunk(ANSWER)
        pending.end()
        clock.sleep(0.4)
    recording = recorder.recording()
    (call,) = (reading.call for reading in recording.readings)
    assert (call.start_ns, call.first_byte_ns, call.end_ns) == (100 * MS, 600 * MS, 600 * MS)
    assert call.usage.total == 10
    assert recording.latency_ns == 1000 * MS
    assert recording.clock is ClockKind.VIRTUAL


def test_while_it_runs_a_call_in_flight_has_no_end_and_an_open_span_ends_now(clock):
    with Recorder() as recorder, recorder.span(SpanKind.TIMER, "llm"):
        pending = recorder.begin(CHAT)
        pending.response(200, JSON)
        pending.chunk(ANSWER[:10])
        clock.sleep(0.5)
        recording = recorder.recording()
        (call,) = (reading.call for reading in recording.readings)
        assert (call.status, call.error, call.end_ns, call.span) == (None, None, None, 1)
        assert recording.latency_ns == 500 * MS
        assert recording.spans[0].end_ns == 500 * MS
        pending.chunk(ANSWER[10:])
        pending.end()
        assert recorder.recording().readings[0].call.status == 200


def test_an_answer_that_is_all_there_counts_though_nobody_closes_it(clock):
    with Recorder() as recorder:
        pending = recorder.begin(CHAT)
        pending.response(200, JSON)
        pending.chunk(ANSWER[:10])
        clock.sleep(0.5)
        pending.chunk(ANSWER[10:])
        clock.sleep(0.5)
        (call,) = (reading.call for reading in recorder.recording().readings)
        assert (call.status, call.error, call.end_ns) == (200, None, 500 * MS)
        assert call.usage.total == 10


def test_chunks_closer_than_half_a_millisecond_are_one(clock):
    recorder = Recorder()
    with recorder:
        pending = recorder.begin(CHAT)
        pending.response(200, JSON)
        for data in (b"a", b"bc", b"def"):
            pending.chunk(data)
            clock.sleep(0.0003)
        pending.end()
    assert [size for _, size in pending.chunks] == [3, 3]


def test_calls_stand_in_the_order_of_starts_and_other_traffic_is_left_out():
    with Recorder() as recorder:
        first, other, last = (
            recorder.begin(CHAT),
            recorder.begin(Request(method="GET", url="https://example.com/")),
            recorder.begin(CHAT),
        )
        for pending in (last, other, first):
            pending.response(200, JSON)
            pending.chunk(ANSWER if pending is not other else b"{}")
            pending.end()
    assert [reading.call.index for reading in recorder.recording().readings] == [0, 2]


def test_an_answer_that_outlives_the_test_ends_with_its_last_chunk(clock):
    with Recorder() as recorder:
        streamed, silent = recorder.begin(CHAT), recorder.begin(CHAT)
        streamed.response(200, JSON)
        clock.sleep(0.1)
        streamed.chunk(ANSWER)
        clock.sleep(0.1)
    streamed.chunk(b"more")
    streamed.end()
    silent.fail(OSError("too late"))
    read, lost = (reading.call for reading in recorder.recording().readings)
    assert (read.end_ns, read.error) == (100 * MS, None)
    assert (lost.end_ns, lost.error) == (None, "the test ended before the answer came")


def test_a_failed_call_tells_why():
    with Recorder() as recorder:
        recorder.begin(CHAT).fail(ConnectionResetError("gone"))
    (call,) = (reading.call for reading in recorder.recording().readings)
    assert call.error == "ConnectionResetError: gone"


def test_gates_see_llm_requests_only_and_a_stop_means_never_sent():
    seen = []

    def gate(reading):
        seen.append((reading.call.index, reading.call.model, reading.prompt_text))
        if len(seen) > 1:
            raise Stop("enough")

    with Recorder() as recorder:
        recorder.gates.append(gate)
        recorder.begin(Request(method="GET", url="https://example.com/"))
        recorder.begin(CHAT)
        with pytest.raises(Stop, match="enough") as stopped:
            recorder.begin(CHAT)
    assert [index for index, *_ in seen] == [1, 2]
    assert seen[0][1] == "gpt-4o"
    assert "hi" in seen[0][2]
    assert recorder.stops == [stopped.value]
    assert len(recorder.recording().readings) == 1


def test_a_gate_sees_its_own_call_in_the_recording():
    """So that two that pass at the same time know of each other."""
    counts = []
    with Recorder() as recorder:
        recorder.gates.append(lambda reading: counts.append(len(recorder.recording().readings)))
        recorder.begin(CHAT)
        recorder.begin(CHAT)
    assert counts == [1, 2]


def test_an_error_in_a_gate_is_a_bug_of_ours_and_the_call_goes_on():
    with Recorder() as recorder:
        recorder.gates.append(lambda reading: 1 // 0)
        recorder.begin(CHAT).fail(OSError())
    assert len(recorder.recording().readings) == 1
    (bug,) = recorder.bugs
    assert "ZeroDivisionError" in bug
    assert bug.startswith("pytest_agentperf.record.recorder:")


def test_notes_are_said_once_and_the_last_gauge_of_a_name_counts():
    with Recorder() as recorder:
        for text in ("b", "a", "b"):
            recorder.note(text)
        recorder.gauge(Gauge(name="hits", value=1))
        recorder.gauge(Gauge(name="other", value=2))
        recorder.gauge(Gauge(name="hits", value=3))
    recording = recorder.recording()
    assert recording.notes == ("b", "a")
    assert [(gauge.name, gauge.value) for gauge in recording.gauges] == [("hits", 3), ("other", 2)]


def test_spans_nest_and_know_what_left_them():
    with Recorder() as recorder:
        with recorder.span(SpanKind.TIMER, "plan", {"step": 1, "by": "me"}) as outer:
            with pytest.raises(KeyError), recorder.span(SpanKind.TOOL, "search") as inner:
                raise KeyError
            pending = recorder.begin(CHAT)
        pending.fail(OSError())
        recorder.begin(CHAT).fail(OSError())
    plan, search = recorder.recording().spans
    assert (plan.id, plan.parent, plan.metadata) == (outer, None, (("by", "me"), ("step", "1")))
    assert (search.id, search.parent, search.error) == (inner, outer, "KeyError")
    assert [reading.call.span for reading in recorder.recording().readings] == [outer, None]


@pytest.mark.asyncio
async def test_spans_follow_tasks_and_one_beside_is_not_around():
    async def agent(name):
        with recorder.span(SpanKind.TIMER, name) as own:
            await asyncio.sleep(0)
            recorder.begin(CHAT).fail(OSError())
            await asyncio.sleep(0)
        return own

    async def bystander():
        await asyncio.sleep(0)
        recorder.begin(CHAT).fail(OSError())

    with Recorder() as recorder:
        first, second, _ = await asyncio.gather(agent("a"), agent("b"), bystander())
    assert sorted((reading.call.span or 0) for reading in recorder.recording().readings) == [0, first, second]


def test_a_thread_pool_finds_the_innermost_of_one_chain_of_timers():
    with Recorder() as recorder, ThreadPoolExecutor(1) as pool:
        with recorder.span(SpanKind.TIMER, "outer"), recorder.span(SpanKind.TIMER, "inner") as inner:
            with recorder.span(SpanKind.TOOL, "not a timer"):
                pool.submit(lambda: recorder.begin(CHAT).fail(OSError())).result()
                assert pool.submit(recorder.open_timers).result() == ("inner", "outer")
        pool.submit(lambda: recorder.begin(CHAT).fail(OSError())).result()
    assert [reading.call.span for reading in recorder.recording().readings] == [inner, None]


@pytest.mark.asyncio
async def test_a_thread_pool_beside_two_timers_belongs_to_none():
    both = asyncio.Barrier(2)

    async def timed(name):
        with recorder.span(SpanKind.TIMER, name):
            await both.wait()
            if name == "b":
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(lambda: recorder.begin(CHAT).fail(OSError())).result()
            await both.wait()

    with Recorder() as recorder:
        await asyncio.gather(timed("a"), timed("b"))
    assert [reading.call.span for reading in recorder.recording().readings] == [None]


@pytest.mark.asyncio
async def test_a_task_that_outlives_its_span_belongs_to_the_next_one_up():
    go = asyncio.Event()

    async def late():
        await go.wait()
        recorder.begin(CHAT).fail(OSError())

    with Recorder() as recorder, recorder.span(SpanKind.TIMER, "outer") as outer:
        with recorder.span(SpanKind.TIMER, "inner"):
            task = asyncio.create_task(late())
        go.set()
        await task
    assert [reading.call.span for reading in recorder.recording().readings] == [outer]


def test_before_and_after_the_body_nothing_is_added(clock):
    recorder = Recorder()
    with recorder.span(SpanKind.TIMER, "early") as number:
        assert number == 0
    assert recorder.recording().latency_ns == 0
    clock.sleep(1)
    with recorder:
        clock.sleep(1)
    with recorder.span(SpanKind.TIMER, "late") as number:
        assert number == 0
    recorder.begin(CHAT).fail(OSError())
    clock.sleep(1)
    recording = recorder.recording()
    assert (recording.latency_ns, recording.spans, recording.readings) == (1000 * MS, (), ())


def test_many_threads_lose_nothing():
    start = threading.Barrier(16)

    def work(number):
        start.wait()
        for _ in range(20):
            with recorder.span(SpanKind.TOOL, f"tool {number}") as span:
                pending = recorder.begin(CHAT)
                pending.response(200, JSON)
                pending.chunk(ANSWER)
                pending.end()
                assert span

    with Recorder() as recorder, ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    recording = recorder.recording()
    assert [reading.call.index for reading in recording.readings] == list(range(320))
    names = {span.id: (span.name, span.thread) for span in recording.spans}
    assert len(names) == 320
    assert all(names[reading.call.span][1] == reading.call.thread for reading in recording.readings)
