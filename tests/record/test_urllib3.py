"""urllib3, and requests and boto3 on top of it: streams alive, bytes as they were, nothing lost between threads."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import vcr
import yaml

from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.record.cassette import CassetteMiss
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.wire import Unchunked
from record.gated import GatedServer
from server.provider import Answer

urllib3 = pytest.importorskip("urllib3", minversion="2")

PATH = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def body(prompt="hi", *, stream=False):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], **options}


def post(url, prompt="hi", *, stream=False, **kwargs):
    with urllib3.PoolManager(retries=urllib3.Retry(1, read=False)) as pool:
        data = json.dumps(body(prompt, stream=stream)).encode()
        return pool.request("POST", url + PATH, body=data, headers=JSON, **kwargs)


def read_whole(url, **kwargs):
    return [post(url, **kwargs).data]


def read_stream(url, **kwargs):
    return list(post(url, preload_content=False, **kwargs).stream(decode_content=True))


def read_pieces(url, **kwargs):
    return list(iter(lambda: answer.read(7), b"")) if (answer := post(url, preload_content=False, **kwargs)) else []


def read_chunked(url, **kwargs):
    return list(post(url, preload_content=False, **kwargs).read_chunked(decode_content=True))


def read_requests(url, **kwargs):
    requests = pytest.importorskip("requests")
    with requests.post(url + PATH, json=body(**kwargs), stream=True, timeout=10) as answer:
        return list(answer.iter_content(None))


READERS = [read_whole, read_stream, read_pieces, read_chunked, read_requests]


def calls(recorder):
    return [reading.call for reading in recorder.recording().readings]


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("read", READERS)
def test_every_way_to_read_gives_the_same_live_recorded_and_replayed(provider, cassette, recorder, read, gzip):
    provider.reply = Answer(text="Hello there.", pieces=3, gzip=gzip, input_tokens=11, output_tokens=7)
    live = b"".join(read(provider.url, stream=True))
    for mode in ("once", "none"):
        with cassette(mode):
            assert len(b"".join(read(provider.url, stream=True))) == len(live)
    assert len(provider.hits) == 2
    seen = calls(recorder)
    assert [call.origin for call in seen] == [Origin.LIVE, Origin.RECORDED, Origin.REPLAYED]
    assert [(call.usage.input, call.usage.output, call.error) for call in seen] == [(11, 7, None)] * 3
    assert len({call.response_size for call in seen}) == 1
    assert [call.timing for call in seen] == [Timing.MEASURED, Timing.MEASURED, Timing.UNKNOWN]


@pytest.mark.parametrize("watched", ["live", "recording"])
def test_no_chunk_is_held_back(watched, recorder, cassette):
    first, second = b'data: {"n": 1}\n\n', b"data: [DONE]\n\n"

    def go():
        with urllib3.PoolManager() as pool:
            answer = pool.request("POST", server.url, body=b"{}", preload_content=False)
            chunks = answer.stream()
            assert next(chunks) == first  # the server has not sent more yet, and will not before we say so
            server.release.release()
            assert next(chunks) == second
            assert list(chunks) == []

    with GatedServer(first, second) as server:
        if watched == "live":
            go()
        else:
            with cassette("once"):
                go()


def test_answers_that_have_no_body(provider, cassette, recorder):
    provider.reply = Answer(raw=b"", status=200)
    for mode in ("once", "none"):
        with cassette(mode):
            assert read_whole(provider.url) == [b""]
    assert len(provider.hits) == 1


def test_three_hundred_from_sixteen_threads(provider, cassette, tmp_path):
    requests = pytest.importorskip("requests")

    def one(number):
        return requests.post(provider.url + PATH, json=body(f"prompt {number}"), timeout=10).json()

    with ThreadPoolExecutor(16) as pool:
        with cassette("once"):
            seen = list(pool.map(one, range(300)))
        with cassette("none"):
            assert list(pool.map(one, range(300))) == seen
    assert len(provider.hits) == 300
    assert len(yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]) == 300


def test_a_redirect_is_two_exchanges(provider, cassette):
    provider.script(Answer(raw=b"", status=307, headers=(("location", PATH),)), Answer(text="there"))
    with cassette("once"):
        seen = read_whole(provider.url)
    with cassette("none"):
        assert read_whole(provider.url) == seen
    assert len(provider.hits) == 2


def test_bodies_that_can_be_read_once(provider, cassette, tmp_path):
    data = json.dumps(body("from a file")).encode()
    (tmp_path / "body.json").write_bytes(data)
    for mode in ("once", "none"):
        with cassette(mode), urllib3.PoolManager() as pool:
            with (tmp_path / "body.json").open("rb") as file:
                pool.request("POST", provider.url + PATH, body=file, headers={"content-length": str(len(data))})
    assert provider.hits[0].json == body("from a file")


def test_a_miss_passes_retries(provider, cassette, recorder):
    with cassette("none"), pytest.raises(CassetteMiss), urllib3.PoolManager(retries=3) as pool:
        pool.request("POST", provider.url + PATH, body=b"{}")
    assert provider.hits == []
    assert len(recorder.stops) == 1


def test_a_cut_stream_is_cut_again(provider, cassette, recorder):
    provider.reply = Answer(text="A long answer.", cut_after=2)
    for mode in ("once", "none"):
        with cassette(mode), pytest.raises(urllib3.exceptions.ProtocolError):
            read_stream(provider.url, stream=True)
    assert len(provider.hits) == 1
    assert all(call.error.startswith("ConnectionError: ") for call in calls(recorder))


def test_an_answer_closed_early_ends_there(provider, cassette, recorder):
    provider.reply = Answer(text="A long answer in pieces.", pieces=4, event_gap_ms=5)
    for mode in ("once", "none"):
        with cassette(mode):
            answer = post(provider.url, stream=True, preload_content=False)
            next(answer.stream())
            answer.close()
    assert [call.error for call in calls(recorder)] == ["the stream was cut before its end"] * 2


def test_each_chunk_comes_at_its_recorded_time(provider, cassette, clock, tmp_path):
    provider.reply = Answer(text="one two three", pieces=3)
    with cassette("once"):
        seen = read_stream(provider.url, stream=True)
    path = tmp_path / "tape.yaml"
    tape = yaml.safe_load(path.read_text("utf-8"))
    whole = b"".join(seen)
    timing = {"version": 1, "headers": 250.0, "chunks": f"300.0+10 100.0+{len(whole) - 10}", "end": 460.0}
    tape["interactions"][0]["response"]["agentperf"] = {**timing, "ending": "complete"}
    path.write_text(yaml.safe_dump(tape), "utf-8")
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        start, arrivals = clock.now_ns, []
        answer = post(provider.url, stream=True, preload_content=False)
        arrivals.append((clock.now_ns - start) // 1_000_000)
        for _ in answer.stream():
            arrivals.append((clock.now_ns - start) // 1_000_000)
    assert arrivals == [250, 300, 400]
    (call,) = calls(recorder)
    assert (call.ttft_ns, call.duration_ns) == (300_000_000, 460_000_000)
    with cassette("none"), Recorder(replay_waits=True), pytest.raises(urllib3.exceptions.ReadTimeoutError):
        post(provider.url, stream=True, timeout=0.2)


def test_a_body_that_a_filter_shortened_comes_whole(provider, cassette, tmp_path):
    with cassette("once"):
        read_whole(provider.url)
    path = tmp_path / "tape.yaml"
    tape = yaml.safe_load(path.read_text("utf-8"))
    tape["interactions"][0]["response"]["body"]["string"] = "abc"
    tape["interactions"][0]["response"]["agentperf"]["chunks"] = "1.0+0 1.0+2 1.0+9 1.0+9"
    path.write_text(yaml.safe_dump(tape), "utf-8")
    with cassette("none"):
        assert read_whole(provider.url) == [b"abc"]


def test_recorded_here_replayed_there(provider, cassette):
    httpx2 = pytest.importorskip("httpx2")
    provider.reply = Answer(text="Hello.", gzip=True)

    def elsewhere():
        return httpx2.post(provider.url + PATH, json=body(stream=True)).content

    for one, other in ((lambda: read_whole(provider.url, stream=True)[0], elsewhere), (elsewhere, read_whole)):
        with cassette("all"):
            seen = one()
        with cassette("none"):
            assert (other() if other is elsewhere else other(provider.url, stream=True)[0]) == seen
    assert len(provider.hits) == 2


def test_plain_vcrpy_within_the_live_taps_works_on(provider, recorder, tmp_path):
    for _ in range(2):
        with vcr.use_cassette(str(tmp_path / "theirs.yaml")):
            assert b"You said: hi" in read_whole(provider.url)[0]
    assert len(provider.hits) == 1


def test_chunked_coding_in_any_pieces():
    wire = b"5;name=value\r\nHello\r\nA\r\n, world\r\n.\r\n0\r\n\r\n"
    for size in range(1, len(wire) + 1):
        unchunked = Unchunked()
        pieces = [unchunked(wire[at : at + size]) for at in range(0, len(wire), size)]
        assert b"".join(pieces) == b"Hello, world\r\n."
        assert unchunked.complete
