"""http.client and urllib.request: streams alive, bytes as they were, seen once whatever builds on them."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import vcr
import yaml

from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.record.cassette import CassetteMiss
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps import http_client as tap
from record.gated import GatedServer
from server.provider import Answer

PATH = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def body(prompt="hi", *, stream=False):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], **options}).encode()


def opened(url, prompt="hi", *, stream=False, **kwargs):
    asked = urllib.request.Request(url + PATH, data=body(prompt, stream=stream), headers=JSON)
    return urllib.request.urlopen(asked, **kwargs)


def connection(url):
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)


def read_whole(url, **kwargs):
    with opened(url, **kwargs) as answer:
        return [answer.read()]


def read_lines(url, **kwargs):
    with opened(url, **kwargs) as answer:
        return list(answer)


def read_pieces(url, **kwargs):
    with opened(url, **kwargs) as answer:
        return list(iter(lambda: answer.read(7), b""))


def read_as_it_comes(url, **kwargs):
    with opened(url, **kwargs) as answer:
        return list(iter(lambda: answer.read1(100), b""))


def read_into(url, **kwargs):
    parts, buffer = [], bytearray(50)
    with opened(url, **kwargs) as answer:
        while size := answer.readinto(buffer):
            parts.append(bytes(buffer[:size]))
    return parts


def read_directly(url, **kwargs):
    used = connection(url)
    used.request("POST", PATH, body=body(**kwargs), headers=JSON)
    with used.getresponse() as answer:
        data = answer.read()
    used.close()
    return [data]


READERS = [read_whole, read_lines, read_pieces, read_as_it_comes, read_into, read_directly]


def calls(recorder):
    return [reading.call for reading in recorder.recording().readings]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("read", READERS)
def test_every_way_to_read_gives_the_same_live_recorded_and_replayed(provider, cassette, recorder, read, stream):
    provider.reply = Answer(text="Hello there.", pieces=3, input_tokens=11, output_tokens=7)
    live = b"".join(read(provider.url, stream=stream))
    for mode in ("once", "none"):
        with cassette(mode):
            assert len(b"".join(read(provider.url, stream=stream))) == len(live)
    assert len(provider.hits) == 2
    seen = calls(recorder)
    assert [call.origin for call in seen] == [Origin.LIVE, Origin.RECORDED, Origin.REPLAYED]
    assert [(call.usage.input, call.usage.output, call.error) for call in seen] == [(11, 7, None)] * 3
    assert {call.response_size for call in seen} == {len(live)}
    assert [call.timing for call in seen] == [Timing.MEASURED, Timing.MEASURED, Timing.UNKNOWN]


@pytest.mark.parametrize("watched", ["live", "recording"])
def test_no_chunk_is_held_back(watched, recorder, cassette):
    first, second = b'data: {"n": 1}\n\n', b"data: [DONE]\n\n"

    def go():
        with urllib.request.urlopen(server.url, data=b"{}") as answer:
            assert answer.read1() == first  # the server has not sent more yet, and will not before we say so
            server.release.release()
            assert answer.read1() == second
            assert answer.read() == b""

    with GatedServer(first, second) as server:
        if watched == "live":
            go()
        else:
            with cassette("once"):
                go()


def test_one_connection_asks_twice(provider, cassette):
    seen = []
    for mode in ("once", "none"):
        used = connection(provider.url)
        with cassette(mode):
            used.connect()
            for prompt in ("one", "two"):
                used.request("POST", PATH, body=body(prompt), headers=JSON)
                seen.append(used.getresponse().read())
        used.close()
    assert seen[:2] == seen[2:]
    assert len({hit.connection for hit in provider.hits}) == 1
    assert len(provider.hits) == 2


@pytest.mark.parametrize("chunked", [False, True])
def test_a_request_in_pieces(provider, cassette, recorder, chunked):
    data = body("in pieces")
    for mode in ("once", "none"):
        used = connection(provider.url)
        with cassette(mode):
            used.putrequest("POST", PATH)
            used.putheader("content-type", "application/json")
            used.putheader("content-length", str(len(data)))
            used.endheaders()
            used.send(data[:10])
            used.send(iter([data[10:20], data[20:]]))
            assert b"You said: in pieces" in used.getresponse().read()
        used.close()
    assert [hit.body for hit in provider.hits] == [data]
    assert len(calls(recorder)) == 2


def test_bodies_that_can_be_read_once(provider, cassette, tmp_path):
    data = body("from a file")
    (tmp_path / "body.json").write_bytes(data)
    for mode in ("once", "none"):
        used = connection(provider.url)
        with cassette(mode), (tmp_path / "body.json").open("rb") as file:
            used.request("POST", PATH, body=file, headers={**JSON, "content-length": str(len(data))})
            assert b"You said: from a file" in used.getresponse().read()
        used.close()
    assert [hit.body for hit in provider.hits] == [data]


def test_a_request_that_was_given_up_leaves_nothing_to_the_next(provider, recorder):
    used = connection(provider.url)
    used.putrequest("POST", PATH)
    used.putheader("content-length", "1000")
    used.endheaders(b"too little")
    used.close()
    used.request("POST", PATH, body=body("next"), headers=JSON)
    assert b"You said: next" in used.getresponse().read()
    used.close()
    assert len(calls(recorder)) == 1


def test_a_refused_connection_is_what_it_was(recorder):
    with pytest.raises(urllib.error.URLError):
        read_whole("http://127.0.0.1:9")
    (call,) = calls(recorder)
    assert call.error.startswith("ConnectionRefusedError")


def test_answers_that_have_no_body(provider, cassette):
    provider.reply = Answer(raw=b"", status=200)
    for mode in ("once", "none"):
        with cassette(mode):
            assert read_whole(provider.url) == [b""]
    assert len(provider.hits) == 1


def test_errors_of_the_provider_are_raised_as_ever(provider, cassette, recorder):
    provider.reply = Answer(status=429)
    for mode in ("once", "none"):
        with cassette(mode):
            with pytest.raises(urllib.error.HTTPError) as raised:
                read_whole(provider.url)
            with raised.value as answer:
                assert b"error" in answer.read()
    assert [call.status for call in calls(recorder)] == [429, 429]


def test_a_redirect_is_two_exchanges(provider, cassette):
    provider.script(Answer(raw=b"", status=302, headers=(("location", "/elsewhere"),)), Answer(raw=b"there"))
    with cassette("once"):
        assert read_whole(provider.url) == [b"there"]
    with cassette("none"):
        assert read_whole(provider.url) == [b"there"]
    assert len(provider.hits) == 2


def test_many_threads(provider, cassette, tmp_path):
    def one(number):
        return read_whole(provider.url, prompt=f"prompt {number}")

    with ThreadPoolExecutor(16) as pool:
        with cassette("once"):
            seen = list(pool.map(one, range(64)))
        with cassette("none"):
            assert list(pool.map(one, range(64))) == seen
    assert len(provider.hits) == 64
    assert len(yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]) == 64


def test_a_miss_ends_the_agent_and_nothing_is_sent(provider, cassette, recorder):
    with cassette("none"), pytest.raises(CassetteMiss):
        read_whole(provider.url)
    assert provider.hits == []
    assert len(recorder.stops) == 1


def test_a_cut_stream_is_cut_again(provider, cassette, recorder):
    provider.reply = Answer(text="A long answer.", cut_after=2)
    for mode in ("once", "none"):
        with cassette(mode), pytest.raises(http.client.IncompleteRead):
            read_whole(provider.url, stream=True)
    assert len(provider.hits) == 1
    assert all(call.error.startswith("ConnectionError: ") for call in calls(recorder))


def test_an_answer_closed_early_ends_there(provider, cassette, recorder):
    provider.reply = Answer(text="A long answer in pieces.", pieces=4, event_gap_ms=5)
    for mode in ("once", "none"):
        with cassette(mode), opened(provider.url, stream=True) as answer:
            answer.readline()
    assert [call.error for call in calls(recorder)] == ["the stream was cut before its end"] * 2


def test_each_chunk_comes_at_its_recorded_time(provider, cassette, clock, tmp_path):
    provider.reply = Answer(text="one two three", pieces=3)
    with cassette("once"):
        (whole,) = read_whole(provider.url, stream=True)
    path = tmp_path / "tape.yaml"
    tape = yaml.safe_load(path.read_text("utf-8"))
    timing = {"version": 1, "headers": 250.0, "chunks": f"300.0+10 100.0+{len(whole) - 10}", "end": 460.0}
    tape["interactions"][0]["response"]["agentperf"] = {**timing, "ending": "complete"}
    path.write_text(yaml.safe_dump(tape), "utf-8")
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        start, arrivals = clock.now_ns, []
        with opened(provider.url, stream=True) as answer:
            arrivals.append((clock.now_ns - start) // 1_000_000)
            while answer.read1():
                arrivals.append((clock.now_ns - start) // 1_000_000)
    assert arrivals == [250, 300, 400]
    (call,) = calls(recorder)
    assert (call.ttft_ns, call.duration_ns) == (300_000_000, 460_000_000)
    with cassette("none"), Recorder(replay_waits=True), pytest.raises(TimeoutError):
        opened(provider.url, stream=True, timeout=0.2)


def test_plain_vcrpy_within_the_live_taps_works_on(provider, recorder, tmp_path):
    for _ in range(2):
        with vcr.use_cassette(str(tmp_path / "theirs.yaml")):
            assert b"You said: hi" in read_whole(provider.url)[0]
    assert len(provider.hits) == 1


def test_what_urllib3_sends_is_seen_once(provider, recorder, cassette, tmp_path):
    urllib3 = pytest.importorskip("urllib3", minversion="2")
    with cassette("once"), urllib3.PoolManager() as pool:
        pool.request("POST", provider.url + PATH, body=body(), headers=JSON)
    assert len(calls(recorder)) == 1
    assert len(yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]) == 1


def test_a_tunnel_is_no_exchange_and_names_its_end():
    used = http.client.HTTPSConnection("proxy.example", 3128)
    used.set_tunnel("api.example.com", 443)
    assert tap._url(used, "/v1") == "https://api.example.com/v1"
    assert tap._url(http.client.HTTPConnection("::1", 8080), "/v1") == "http://[::1]:8080/v1"
    assert tap._url(http.client.HTTPConnection("proxy.example"), "http://api.example/v1") == "http://api.example/v1"
