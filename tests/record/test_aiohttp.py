"""aiohttp: streams alive, each way to read one, and its own redirects, addresses and bodies."""

from __future__ import annotations

import asyncio
import json

import pytest
import vcr
import yaml

from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.record.cassette import CassetteMiss
from pytest_agentperf.record.recorder import Recorder
from record.gated import GatedServer
from server.provider import Answer

aiohttp = pytest.importorskip("aiohttp")

PATH = "/v1/chat/completions"


def body(prompt="hi", *, stream=False):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], **options}


async def whole(answer):
    return [await answer.read()]


async def pieces(answer):
    return [chunk async for chunk in answer.content.iter_any()]


async def http_chunks(answer):
    return [chunk async for chunk, _ in answer.content.iter_chunks()]


async def lines(answer):
    return [line async for line in answer.content]


def ask(url, prompt="hi", *, stream=False, read=whole, **kwargs):
    async def run():
        async with aiohttp.ClientSession() as session:
            async with session.post(url + PATH, json=body(prompt, stream=stream), **kwargs) as answer:
                return await read(answer)

    return asyncio.run(run())


def calls(recorder):
    return [reading.call for reading in recorder.recording().readings]


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("read", [whole, pieces, http_chunks, lines])
def test_every_way_to_read_gives_the_same_live_recorded_and_replayed(provider, cassette, recorder, read, gzip):
    provider.reply = Answer(text="Hello there.", pieces=3, gzip=gzip, input_tokens=11, output_tokens=7)
    live = b"".join(ask(provider.url, stream=True, read=read))
    for mode in ("once", "none"):
        with cassette(mode):
            assert len(b"".join(ask(provider.url, stream=True, read=read))) == len(live)
    assert len(provider.hits) == 2
    seen = calls(recorder)
    assert [call.origin for call in seen] == [Origin.LIVE, Origin.RECORDED, Origin.REPLAYED]
    assert [(call.usage.input, call.usage.output, call.error) for call in seen] == [(11, 7, None)] * 3
    assert {call.response_size for call in seen} == {len(live)}
    assert [call.timing for call in seen] == [Timing.MEASURED, Timing.MEASURED, Timing.UNKNOWN]


def test_chunks_stay_apart(provider, cassette):
    provider.reply = Answer(text="one two three", pieces=3, event_gap_ms=5)
    for mode in ("once", "none"):
        with cassette(mode):
            assert len(ask(provider.url, stream=True, read=pieces)) > 3


@pytest.mark.parametrize("watched", ["live", "recording"])
def test_no_chunk_is_held_back(watched, recorder, cassette):
    first, second = b'data: {"n": 1}\n\n', b"data: [DONE]\n\n"

    async def run():
        async with aiohttp.ClientSession() as session, session.post(server.url, data=b"{}") as answer:
            assert await answer.content.readany() == first  # the server will not send more before we say so
            server.release.release()
            assert await answer.content.readany() == second

    with GatedServer(first, second) as server:
        if watched == "live":
            asyncio.run(run())
        else:
            with cassette("once"):
                asyncio.run(run())


def test_many_at_once_through_one_session(provider, cassette):
    async def run():
        async def one(number):
            async with session.post(PATH, json=body(f"prompt {number}")) as answer:
                return await answer.json()

        connector = aiohttp.TCPConnector(limit=4)
        async with aiohttp.ClientSession(provider.url, connector=connector) as session:
            return await asyncio.gather(*map(one, range(50)))

    with cassette("once"):
        seen = asyncio.run(run())
    with cassette("none"):
        assert asyncio.run(run()) == seen
    assert len(provider.hits) == 50


def test_a_replayed_connection_is_not_used_for_the_network(provider, cassette):
    with cassette("once"):
        ask(provider.url, "recorded")

    async def run():
        async with aiohttp.ClientSession(provider.url) as session:
            for mode in ("none", "new"):
                with cassette(mode):
                    for prompt in ("recorded", "new")[: 1 + (mode == "new")]:
                        async with session.post(PATH, json=body(prompt)) as answer:
                            assert prompt in (await answer.json())["choices"][0]["message"]["content"]
            async with session.post(PATH, json=body("live")) as answer:
                assert "live" in await answer.text()

    with cassette("all"):
        ask(provider.url, "recorded")
    asyncio.run(run())
    assert [hit.json["messages"][0]["content"] for hit in provider.hits] == ["recorded", "recorded", "new", "live"]


def test_a_redirect_is_two_exchanges_and_stays_in_the_history(provider, cassette):
    async def history(answer):
        return [len(answer.history), await answer.read()]

    provider.script(Answer(raw=b"", status=307, headers=(("location", PATH),)), Answer(text="there"))
    with cassette("once"):
        seen = ask(provider.url, read=history)
    with cassette("none"):
        assert ask(provider.url, read=history) == seen
    assert seen[0] == 1
    assert len(provider.hits) == 2


def test_other_bodies_and_parameters(provider, cassette, tmp_path):
    data = json.dumps(body("in parts")).encode()
    headers = {"content-length": str(len(data))}

    async def parts():
        yield data[:9]
        yield data[9:]

    async def send(**kwargs):
        async with aiohttp.ClientSession() as session:
            async with session.post(provider.url + PATH, params={"a": "1"}, **kwargs) as answer:
                return await answer.read()

    with cassette("once"):
        seen = asyncio.run(send(data=parts(), headers=headers))
    with cassette("none"):
        assert asyncio.run(send(data=parts(), headers=headers)) == seen
    with cassette("none"):
        assert asyncio.run(send(json=body("in parts"))) == seen
    (item,) = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    assert item["request"]["uri"] == f"{provider.url}{PATH}?a=1"
    assert [hit.json for hit in provider.hits] == [body("in parts")]


def test_a_miss_is_the_miss_itself(provider, cassette, recorder):
    with cassette("none"), pytest.raises(CassetteMiss):
        ask(provider.url)
    assert provider.hits == []
    assert len(recorder.stops) == 1


def test_a_cut_stream_is_cut_again(provider, cassette, recorder):
    provider.reply = Answer(text="A long answer.", cut_after=2)
    for mode in ("once", "none"):
        with cassette(mode), pytest.raises(aiohttp.ClientPayloadError):
            ask(provider.url, stream=True)
    assert len(provider.hits) == 1
    assert all(call.error for call in calls(recorder))


def test_an_answer_closed_early_ends_there(provider, cassette, recorder):
    async def first(answer):
        await answer.content.readany()
        answer.close()

    provider.reply = Answer(text="A long answer in pieces.", pieces=4, event_gap_ms=20)
    for mode in ("once", "none"):
        with cassette(mode):
            ask(provider.url, stream=True, read=first)
    assert [call.error for call in calls(recorder)] == ["the stream was cut before its end"] * 2


def test_no_connection_is_a_failed_call(recorder):
    with pytest.raises(aiohttp.ClientConnectionError):
        ask("http://127.0.0.1:9")
    (call,) = calls(recorder)
    assert call.status is None
    assert call.error.startswith("ClientConnectorError: ")


def test_raise_for_status(provider, cassette):
    provider.reply = Answer(status=429)
    for mode in ("once", "none"):
        with cassette(mode), pytest.raises(aiohttp.ClientResponseError, match="429"):
            ask(provider.url, raise_for_status=True)
    assert len(provider.hits) == 1


def test_each_chunk_comes_at_its_recorded_time(provider, cassette, clock, tmp_path):
    provider.reply = Answer(text="one two three", pieces=3)
    with cassette("once"):
        (seen,) = ask(provider.url, stream=True)
    path = tmp_path / "tape.yaml"
    tape = yaml.safe_load(path.read_text("utf-8"))
    timing = {"version": 1, "headers": 250.0, "chunks": f"300.0+10 100.0+{len(seen) - 10}", "end": 460.0}
    tape["interactions"][0]["response"]["agentperf"] = {**timing, "ending": "complete"}
    path.write_text(yaml.safe_dump(tape), "utf-8")
    with cassette("none"), Recorder(replay_waits=True) as recorder:
        assert b"".join(ask(provider.url, stream=True)) == seen
    assert clock.sleeps == pytest.approx([0.25, 0.05, 0.1, 0.06])
    (call,) = calls(recorder)
    assert (call.ttft_ns, call.duration_ns) == (300_000_000, 460_000_000)


@pytest.mark.parametrize("gzip", [False, True])
def test_recorded_here_replayed_there(provider, cassette, gzip):
    httpx2, urllib3 = pytest.importorskip("httpx2"), pytest.importorskip("urllib3")
    provider.reply = Answer(text="Hello.", gzip=gzip)

    def here():
        return ask(provider.url, stream=True)[0]

    def in_httpx2():
        return httpx2.post(provider.url + PATH, json=body(stream=True)).content

    def in_urllib3():
        with urllib3.PoolManager() as pool:
            return pool.request("POST", provider.url + PATH, json=body(stream=True)).data

    stacks = (here, in_httpx2, in_urllib3)
    for one in stacks:
        with cassette("all"):
            seen = one()
        for other in stacks:
            with cassette("none"):
                assert other() == seen
    assert len(provider.hits) == len(stacks)


def test_a_session_with_a_base_url_replays_what_plain_vcrpy_recorded(provider, cassette, tmp_path):
    async def run():
        async with aiohttp.ClientSession(base_url=provider.url) as session:
            async with session.post(PATH, json=body()) as answer:
                return await answer.read()

    with vcr.use_cassette(str(tmp_path / "tape.yaml")):
        seen = asyncio.run(run())
    (stored,) = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    assert stored["request"]["uri"] == PATH
    with cassette("none"):
        assert asyncio.run(run()) == seen
    assert len(provider.hits) == 1
