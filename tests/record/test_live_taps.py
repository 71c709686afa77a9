"""httpx and httpx2 watched without a cassette: the client sees what it saw before, the recorder sees it too."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.record.recorder import Recorder, Stop
from pytest_agentperf.record.taps.live import installed
from record.gated import GatedServer
from server.provider import Answer

PATH = "/v1/chat/completions"


def body(prompt="hi", *, stream=False):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], **options}


def post(stack, url, **kwargs):
    with stack.Client() as client, client.stream("POST", url + PATH, json=body(**kwargs)) as response:
        return [bytes(chunk) for chunk in response.iter_bytes()]


async def post_async(stack, url, **kwargs):
    async with stack.AsyncClient() as client, client.stream("POST", url + PATH, json=body(**kwargs)) as response:
        return [bytes(chunk) async for chunk in response.aiter_bytes()]


def ask(stack, url, *, mode, **kwargs):
    return post(stack, url, **kwargs) if mode == "sync" else asyncio.run(post_async(stack, url, **kwargs))


def calls(recorder):
    return [reading.call for reading in recorder.recording().readings]


@pytest.fixture(params=["sync", "async"])
def mode(request):
    return request.param


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("gzip", [False, True])
def test_the_client_sees_the_same_and_the_call_is_read(stack, provider, mode, stream, gzip):
    provider.reply = Answer(text="Hello there.", input_tokens=11, output_tokens=7, gzip=gzip, pieces=1)
    with installed():
        before = b"".join(ask(stack, provider.url, mode=mode, stream=stream))
        with Recorder() as recorder:
            seen = b"".join(ask(stack, provider.url, mode=mode, stream=stream))
    assert len(seen) == len(before)
    assert b"Hello" in seen
    (call,) = calls(recorder)
    assert (call.usage.input, call.usage.output, call.streamed, call.status) == (11, 7, stream, 200)
    assert (call.origin, call.timing) == (Origin.LIVE, Timing.MEASURED)
    assert call.response_size == len(seen)
    assert call.start_ns < call.first_byte_ns <= call.end_ns
    assert recorder.bugs == []


@pytest.mark.parametrize("watched", ["live", "recording"])
def test_no_chunk_is_held_back(stack, mode, watched, recorder, cassette):
    first, second = b'data: {"n": 1}\n\n', b"data: [DONE]\n\n"
    with GatedServer(first, second) as server:

        def sync():
            with stack.Client() as client, client.stream("POST", server.url, json=body(stream=True)) as response:
                chunks = response.iter_raw()
                yield next(chunks)
                yield next(chunks)

        def run():
            chunks = sync()
            assert next(chunks) == first  # the server has not sent more yet, and will not before we say so
            server.release.release()
            assert next(chunks) == second

        async def run_async():
            async with (
                stack.AsyncClient() as client,
                client.stream("POST", server.url, json=body(stream=True)) as response,
            ):
                chunks = response.aiter_raw()
                assert await anext(chunks) == first
                server.release.release()
                assert await anext(chunks) == second

        def go():
            run() if mode == "sync" else asyncio.run(run_async())

        if watched == "live":
            go()
        else:
            with cassette("once"):
                go()


def test_a_stream_closed_early_ends_when_it_is_closed(stack, provider, recorder):
    provider.reply = Answer(text="A long answer in pieces.", pieces=4)
    with stack.Client() as client:
        with client.stream("POST", provider.url + PATH, json=body(stream=True)) as response:
            next(response.iter_bytes())
    (call,) = calls(recorder)
    assert call.end_ns is not None
    assert call.error == "the stream was cut before its end"


def test_a_stream_cut_by_the_server_is_told_as_what_it_was(stack, provider, recorder):
    provider.reply = Answer(text="A long answer in pieces.", pieces=4, cut_after=2)
    with pytest.raises(stack.RemoteProtocolError):
        post(stack, provider.url, stream=True)
    (call,) = calls(recorder)
    assert call.error.startswith("RemoteProtocolError: ")
    assert call.end_ns is not None


def test_a_stream_that_nobody_closes_ends_with_its_last_chunk(stack, provider):
    provider.reply = Answer(text="Hello.")
    with stack.Client() as client:
        with installed(), Recorder() as recorder:
            response = client.send(client.build_request("POST", provider.url + PATH, json=body()), stream=True)
            next(chunks := response.iter_raw())
        (call,) = calls(recorder)
        assert (call.error, call.usage.total, call.end_ns) == (None, 120, call.first_byte_ns)
        chunks.close()
        response.close()


def test_no_connection_is_a_failed_call(stack, recorder):
    with pytest.raises(stack.ConnectError):
        post(stack, "http://127.0.0.1:9")
    (call,) = calls(recorder)
    assert call.status is None
    assert call.error.startswith("ConnectError: ")


def test_a_cancelled_client_is_not_a_failure_of_the_transport(stack, provider, recorder):
    provider.reply = Answer(text="Never.", headers_after_ms=60_000)

    async def run():
        task = asyncio.create_task(post_async(stack, provider.url))
        while not provider.hits:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    (call,) = calls(recorder)
    assert call.error == "CancelledError"


def test_sixteen_threads(stack, provider, recorder):
    with stack.Client() as client, ThreadPoolExecutor(16) as pool:
        url = provider.url + PATH
        answers = list(pool.map(lambda n: client.post(url, json=body(f"prompt {n}")).text, range(64)))
    assert all(f"You said: prompt {n}" in answer for n, answer in enumerate(answers))
    seen = calls(recorder)
    assert [call.index for call in seen] == list(range(64))
    assert sorted(call.usage.input for call in seen) == sorted(100 + len(f"prompt {n}") for n in range(64))


def test_a_refused_call_is_not_sent(stack, provider, recorder, mode):
    def refuse(reading):
        raise Stop("over budget")

    recorder.gates.append(refuse)
    with pytest.raises(Stop):
        ask(stack, provider.url, mode=mode)
    assert provider.hits == []
    assert calls(recorder) == []
    assert len(recorder.stops) == 1


def test_a_wrapper_of_somebody_else_in_between_counts_nothing_twice(stack, provider, recorder, monkeypatch, cassette):
    """OpenTelemetry patches the same method on top of ours; then a cassette patches on top of that."""
    inner = stack.HTTPTransport.handle_request

    def theirs(self, request):
        return inner(self, request)

    monkeypatch.setattr(stack.HTTPTransport, "handle_request", theirs)
    with cassette("once"):
        post(stack, provider.url)
    assert len(calls(recorder)) == 1


def test_taps_go_in_once_and_come_out(stack):
    original = vars(stack.HTTPTransport)["handle_request"]
    with installed():
        tap = vars(stack.HTTPTransport)["handle_request"]
        assert tap is not original
        with installed():
            assert vars(stack.HTTPTransport)["handle_request"] is tap
        assert vars(stack.HTTPTransport)["handle_request"] is tap
    assert vars(stack.HTTPTransport)["handle_request"] is original


def test_a_cassette_that_outlives_the_live_taps_still_answers(stack, provider, cassette):
    with cassette("once"):
        post(stack, provider.url)
    live = installed()
    live.__enter__()
    with cassette("none"):
        live.__exit__(None, None, None)
        post(stack, provider.url)
    assert len(provider.hits) == 1


def test_a_cassette_opened_before_the_live_taps_still_answers(stack, provider, cassette):
    with cassette("once"):
        post(stack, provider.url)
    with cassette("none"), installed(), Recorder() as recorder:
        post(stack, provider.url)
    assert len(provider.hits) == 1
    assert [call.origin for call in calls(recorder)] == [Origin.REPLAYED]


def test_nothing_is_imported_and_what_is_imported_later_is_watched(provider):
    pytest.importorskip("httpx2")
    program = f"""
import sys
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed
finders = list(sys.meta_path)
with installed(), Recorder() as recorder:
    assert not {{"httpx", "httpx2", "vcr"}} & set(sys.modules)
    import httpx2
    httpx2.post({provider.url + PATH!r}, json={json.dumps(body())!s})
    assert "exec_module" not in vars(httpx2.__loader__)
assert len(recorder.recording().readings) == 1, recorder.bugs
assert sys.meta_path == finders
assert not hasattr(httpx2.HTTPTransport.handle_request, "agentperf_real")
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_one_class_under_two_names_is_watched_once(provider):
    httpx2 = pytest.importorskip("httpx2")
    if not hasattr(httpx2, "alias_httpx"):
        pytest.skip("this httpx2 cannot pose as httpx")
    program = f"""
import httpx2
httpx2.alias_httpx()
import httpx
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed
with installed(), Recorder() as recorder:
    httpx.post({provider.url + PATH!r}, json={json.dumps(body())!s})
assert len(recorder.recording().readings) == 1, recorder.recording()
assert not hasattr(httpx.HTTPTransport.handle_request, "agentperf_real")
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
