"""A replay that waits: each part comes when it came in the recording, on whatever clock `time` has."""

from __future__ import annotations

import asyncio
import json

import pytest
import yaml

from pytest_agentperf.clock.bubble import bubble
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.record.recorder import Recorder
from server.provider import Answer

URL = "https://api.openai.com/v1/chat/completions"
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": True}
MS = 1_000_000
EVENTS = [
    b'data: {"id": "c", "object": "chat.completion.chunk", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "Hel"}}]}\n\n',
    b'data: {"id": "c", "object": "chat.completion.chunk", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "lo"},'
    b' "finish_reason": "stop"}]}\n\n',
    b"data: [DONE]\n\n",
]
WHOLE = (
    b'{"id": "c", "object": "chat.completion", "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "stop",'
    b'"message": {"role": "assistant", "content": "Hello."}}]}'
)


@pytest.fixture
def write(tmp_path):
    """A cassette of one answer."""

    def write(body, *, timing=None, headers=None, ask=ASK):
        response = {
            "status": {"code": 200, "message": "OK"},
            "headers": {
                "content-type": ["text/event-stream" if ask.get("stream") else "application/json"],
                **(headers or {}),
            },
            "body": {"string": body.decode()},
        }
        if timing:
            response["agentperf"] = timing
        request = {"method": "POST", "uri": URL, "headers": {}, "body": json.dumps(ask)}
        text = yaml.safe_dump({"interactions": [{"request": request, "response": response}], "version": 1})
        (tmp_path / "tape.yaml").write_text(text, "utf-8")

    return write


def sizes(*pauses):
    return " ".join(f"{pause}+{len(event)}" for pause, event in zip(pauses, EVENTS, strict=True))


def timing(**changes):
    value = {
        "version": 1,
        "start": 0.0,
        "headers": 250.0,
        "first_byte": 300.0,
        "chunks": sizes(300.0, 100.0, 50.5),
        "end": 460.0,
    }
    return {**value, "ending": "complete", **changes}


def read(stack, clock, ask=ASK, timeout=None, stop_at=None):
    """Arrival of the headers and of each chunk, in milliseconds."""
    with stack.Client(timeout=timeout) as client:
        start = clock.now_ns
        with client.stream("POST", URL, json=ask) as response:
            seen = [(clock.now_ns - start) / MS]
            for chunk in response.iter_raw():
                seen.append(((clock.now_ns - start) / MS, chunk))
                if chunk == stop_at:
                    break
    return seen


async def read_async(stack, clock, ask=ASK, timeout=None):
    async with stack.AsyncClient(timeout=timeout) as client:
        start = clock.now_ns
        async with client.stream("POST", URL, json=ask) as response:
            seen = [(clock.now_ns - start) / MS]
            async for chunk in response.aiter_raw():
                seen.append(((clock.now_ns - start) / MS, chunk))
    return seen


def call_of(recorder):
    (reading,) = recorder.recording().readings
    assert recorder.bugs == []
    return reading.call


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_each_chunk_comes_at_its_recorded_time(stack, write, cassette, clock, mode):
    write(b"".join(EVENTS), timing=timing())
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        clock.now_ns += 7 * MS
        seen = read(stack, clock) if mode == "sync" else asyncio.run(read_async(stack, clock))
    assert seen == [250.0, (300.0, EVENTS[0]), (400.0, EVENTS[1]), (450.5, EVENTS[2])]
    call = call_of(recorder)
    assert call.timing is Timing.RECORDED
    assert (call.start_ns, call.first_byte_ns, call.end_ns) == (7 * MS, 307 * MS, 467 * MS)


def test_a_client_that_reads_slowly_does_not_move_the_recorded_times(stack, write, cassette, clock):
    write(b"".join(EVENTS), timing=timing())
    with cassette("none"), Recorder(replay_waits=True) as recorder, stack.Client() as client:
        with client.stream("POST", URL, json=ASK) as response:
            for _ in response.iter_raw():
                clock.now_ns += 80 * MS
    call = call_of(recorder)
    assert (call.ttft_ns, call.duration_ns) == (300 * MS, 460 * MS)


def test_a_client_that_has_all_and_closes_leaves_with_the_last_chunk(stack, write, cassette, clock):
    """SDKs close at the provider's last event and do not wait for the end of the body."""
    write(b"".join(EVENTS), timing=timing())
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        read(stack, clock, stop_at=EVENTS[2])
    assert call_of(recorder).end_ns == int(450.5 * MS)


def test_a_client_that_leaves_in_the_middle_ends_the_call_there(stack, write, cassette, clock):
    write(b"".join(EVENTS), timing=timing())
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        read(stack, clock, stop_at=EVENTS[1])
    assert call_of(recorder).end_ns == 400 * MS


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_latency_beyond_the_clients_patience_times_out_after_it(stack, write, cassette, clock, mode):
    write(b"".join(EVENTS), timing=timing())
    with cassette("none"), Recorder(replay_waits=True) as recorder, pytest.raises(stack.ReadTimeout):
        read(stack, clock, timeout=0.2) if mode == "sync" else asyncio.run(read_async(stack, clock, timeout=0.2))
    call = call_of(recorder)
    assert (call.end_ns, call.status) == (200 * MS, None)
    assert call.error.startswith("ReadTimeout: ")


def test_the_patience_is_for_each_read_and_not_for_the_sum(stack, write, cassette, clock):
    write(b"".join(EVENTS), timing=timing(chunks=sizes(300.0, 100.0, 900.0), end=1300.0))
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        with pytest.raises(stack.ReadTimeout):
            read(stack, clock, timeout=0.5)
    assert call_of(recorder).end_ns == 900 * MS


def test_without_waits_all_comes_at_once_and_the_times_are_unknown(stack, write, cassette, clock):
    write(b"".join(EVENTS), timing=timing())
    with cassette("none"), Recorder() as recorder:
        assert read(stack, clock, timeout=0.001) == [0.0, *((0.0, event) for event in EVENTS)]
    assert call_of(recorder).timing is Timing.UNKNOWN
    assert clock.sleeps == []


def test_a_stated_latency_is_used_where_none_was_recorded(stack, write, cassette, clock):
    ask = {**ASK, "stream": False}
    write(WHOLE, headers={"openai-processing-ms": ["420"]}, ask=ask)
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        assert read(stack, clock, ask) == [420.0, (420.0, WHOLE)]
    call = call_of(recorder)
    assert (call.timing, call.duration_ns) == (Timing.STATED, 420 * MS)


@pytest.mark.parametrize("stop_at", [None, b"".join(EVENTS)])
def test_of_a_stream_only_the_first_byte_is_stated(stack, write, cassette, clock, stop_at):
    write(b"".join(EVENTS), headers={"openai-processing-ms": ["420"]})
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        assert read(stack, clock, stop_at=stop_at) == [420.0, (420.0, b"".join(EVENTS))]
    call = call_of(recorder)
    assert (call.timing, call.ttft_ns, call.duration_ns) == (Timing.STATED, 420 * MS, None)


def test_with_neither_the_times_are_unknown(stack, write, cassette, clock):
    write(b"".join(EVENTS))
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        read(stack, clock)
    call = call_of(recorder)
    assert (call.timing, call.ttft_ns, call.duration_ns) == (Timing.UNKNOWN, None, None)


def test_a_timing_of_a_later_version_is_noted_and_left_out(stack, write, cassette, clock):
    write(b"".join(EVENTS), timing={"version": 99})
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        read(stack, clock)
    assert call_of(recorder).timing is Timing.UNKNOWN
    (note,) = recorder.recording().notes
    assert "tape.yaml" in note


def test_a_body_that_a_filter_changed_still_comes_whole(stack, write, cassette, clock):
    write(b"data: [DONE]\n\n", timing=timing())
    with cassette("none"), Recorder(replay_waits=True):
        assert b"".join(chunk for _, chunk in read(stack, clock)[1:]) == b"data: [DONE]\n\n"
    write(b"".join(EVENTS) * 2, timing=timing())
    with cassette("none"), Recorder(replay_waits=True):
        assert b"".join(chunk for _, chunk in read(stack, clock)[1:]) == b"".join(EVENTS) * 2


def test_under_trio_it_sleeps_there(stack, write, cassette, monkeypatch):
    trio = pytest.importorskip("trio")
    from trio.testing import MockClock

    clock = MockClock(autojump_threshold=0)
    write(b"".join(EVENTS), timing=timing())

    async def main():
        monkeypatch.setattr("time.monotonic_ns", lambda: round(clock.current_time() * 1e9))
        with cassette("none"), Recorder(replay_waits=True) as recorder:
            async with stack.AsyncClient() as client:
                await client.post(URL, json=ASK)
        assert recorder.recording().latency_ns == pytest.approx(460 * MS, abs=MS)
        assert call_of(recorder).duration_ns == 460 * MS

    trio.run(main, clock=clock)


def test_a_call_for_which_the_client_did_not_wait_is_recorded_and_times_out_again(stack, cassette, provider):
    provider.reply = Answer(headers_after_ms=10_000)
    url = f"{provider.url}/v1/chat/completions"
    with cassette("once"), Recorder(), stack.Client(timeout=0.05) as client, pytest.raises(stack.ReadTimeout):
        client.post(url, json=ASK)
    with bubble() as measured, cassette("none"), Recorder(replay_waits=True) as recorder:
        with stack.Client(timeout=7) as client, pytest.raises(stack.ReadTimeout):
            client.post(url, json=ASK)
    assert measured.elapsed_ns == 7_000 * MS
    assert call_of(recorder).error.startswith("ReadTimeout")


def test_a_call_that_was_cancelled_is_recorded_and_never_answers(stack, cassette, provider):
    provider.reply = Answer(headers_after_ms=10_000)

    async def impatient(seconds):
        async with stack.AsyncClient(timeout=None) as client, asyncio.timeout(seconds):
            await client.post(f"{provider.url}/v1/chat/completions", json=ASK)

    with cassette("once"), Recorder(), pytest.raises(TimeoutError):
        asyncio.run(impatient(0.1))
    with bubble() as measured, cassette("none"), Recorder(replay_waits=True), pytest.raises(TimeoutError):
        asyncio.run(impatient(60))
    assert measured.elapsed_ns == 60_000 * MS


def test_a_server_that_was_not_there_is_not_recorded(stack, cassette, provider, tmp_path):
    url = provider.url
    provider.close()
    with cassette("once"), Recorder(), stack.Client() as client, pytest.raises(stack.ConnectError):
        client.post(f"{url}/v1/chat/completions", json=ASK)
    assert not (tmp_path / "tape.yaml").exists()
