"""Recorded once, replayed exactly: bytes, order, chunks; and closed to the network."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import vcr
import yaml

from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.record.adopt import adopting
from pytest_agentperf.record.cassette import CassetteError, CassetteMiss, upgrade
from pytest_agentperf.record.recorder import Recorder, Stop
from server.provider import Answer

PATH = "/v1/chat/completions"


def body(prompt="hi", *, stream=False):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}], **options}


def chunks(stack, url, **kwargs):
    with stack.Client() as client, client.stream("POST", url + PATH, json=body(**kwargs)) as response:
        return [bytes(chunk) for chunk in response.iter_raw()]


async def chunks_async(stack, url, **kwargs):
    async with stack.AsyncClient() as client, client.stream("POST", url + PATH, json=body(**kwargs)) as response:
        return [bytes(chunk) async for chunk in response.aiter_raw()]


def ask(stack, url, *, mode="sync", **kwargs):
    return chunks(stack, url, **kwargs) if mode == "sync" else asyncio.run(chunks_async(stack, url, **kwargs))


def prompts(tmp_path, name="tape.yaml"):
    interactions = yaml.safe_load((tmp_path / name).read_text("utf-8"))["interactions"]
    return [json.loads(item["request"]["body"])["messages"][-1]["content"] for item in interactions]


def calls(recorder):
    return [reading.call for reading in recorder.recording().readings]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_replay_gives_the_recorded_bytes_in_the_recorded_chunks(stack, provider, cassette, recorder, mode, stream):
    provider.reply = Answer(text="Hello there.", pieces=3, event_gap_ms=5)
    with cassette("once"):
        seen = ask(stack, provider.url, mode=mode, stream=stream)
    for other in ("sync", "async"):
        with cassette("none"):
            replayed = ask(stack, provider.url, mode=other, stream=stream)
        assert b"".join(replayed) == b"".join(seen)
        assert not stream or len(replayed) > 3
    assert len(provider.hits) == 1
    recorded, *replays = calls(recorder)
    assert (recorded.origin, recorded.timing) == (Origin.RECORDED, Timing.MEASURED)
    for call in replays:
        assert (call.origin, call.timing, call.duration_ns) == (Origin.REPLAYED, Timing.UNKNOWN, None)
        assert (call.usage, call.answer_digest) == (recorded.usage, recorded.answer_digest)


def test_a_cassette_works_without_a_recorder(stack, provider, cassette):
    for mode in ("once", "none"):
        with cassette(mode):
            ask(stack, provider.url)
    assert len(provider.hits) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_compressed_answers_are_stored_plain(stack, provider, cassette, tmp_path, stream):
    provider.reply = Answer(text="Hello there.", gzip=True, pieces=1)
    with cassette("once"), stack.Client() as client:
        seen = client.post(provider.url + PATH, json=body(stream=stream)).content
    text = (tmp_path / "tape.yaml").read_text("utf-8")
    assert "!!binary" not in text
    assert "content-encoding" not in text
    with cassette("none"), stack.Client() as client:
        answer = client.post(provider.url + PATH, json=body(stream=stream))
    assert answer.content == seen
    assert "content-encoding" not in answer.headers


def test_equal_requests_are_answered_in_the_order_of_their_starts(stack, provider, cassette):
    """Not in the order in which the answers ended."""
    replies = {1: Answer(text="slow", first_byte_after_ms=150), 2: Answer(text="fast")}
    provider.reply = lambda hit: replies[hit.serial]

    async def both():
        slow = asyncio.create_task(chunks_async(stack, provider.url))
        while not provider.hits:
            await asyncio.sleep(0.001)
        return await asyncio.gather(slow, chunks_async(stack, provider.url))

    with cassette("once"):
        seen = asyncio.run(both())
    with cassette("none"):
        assert [ask(stack, provider.url), ask(stack, provider.url)] == seen


def test_sixteen_threads_get_their_own_answers_back(stack, provider, cassette, tmp_path):
    def one(number):
        return client.post(provider.url + PATH, json=body(f"prompt {number}", stream=bool(number % 2))).content

    with stack.Client() as client, ThreadPoolExecutor(16) as pool:
        with cassette("once"):
            seen = list(pool.map(one, range(64)))
        with cassette("none"):
            assert list(pool.map(one, range(64))) == seen
    assert len(provider.hits) == 64
    assert sorted(prompts(tmp_path)) == sorted(f"prompt {n}" for n in range(64))


def test_what_is_equal_to_the_matcher(stack, provider, cassette):
    spaced = b'{ "messages": [{"content": "caf\\u00e9", "role": "user"}],\n "model": "gpt-4o" }'
    dense = '{"model":"gpt-4o","messages":[{"role":"user","content":"café"}]}'.encode()
    with cassette("once"), stack.Client() as client:
        client.post(provider.url + PATH + "?beta=true&b=2&a=1", content=spaced)
    with cassette("none"), stack.Client() as client:
        assert client.post(provider.url + PATH + "?a=1&b=2", content=dense).status_code == 200
        with pytest.raises(CassetteMiss):
            client.post(provider.url + PATH + "?a=1&b=3", content=dense)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_miss_can_be_acted_on(stack, provider, cassette, recorder, mode):
    recorder.nodeid = "tests/test_a.py::test_b[c d]"
    text = " ".join(f"word{n}" for n in range(200))
    with cassette("once"):
        ask(stack, provider.url, prompt=text)
        ask(stack, provider.url, prompt="something else")
    with cassette("none"), pytest.raises(CassetteMiss) as caught:
        ask(stack, provider.url, mode=mode, prompt=text.replace("word77", "word_77"))
    message = str(caught.value)
    assert recorder.stops == [caught.value]
    assert "tape.yaml (2 recorded, 0 played)" in message
    assert f"POST {provider.url}{PATH} (LLM call 3 of this test)" in message
    assert "recorded request 1, which differs in messages[0].content, from character" in message
    shown = [line.partition(":")[2] for line in message.splitlines() if line.strip().startswith(("recorded:", "now:"))]
    assert len(shown) == 2
    assert "word77 " in shown[0]
    assert "word_77 " in shown[1]
    assert all(len(line) < 100 for line in shown)
    assert "pytest 'tests/test_a.py::test_b[c d]' --agentperf-record=all" in message
    assert len(provider.hits) == 2
    assert len(calls(recorder)) == 2  # a call that was refused is none


def test_a_repeat_beyond_the_recording_is_a_miss_unless_it_is_allowed(stack, provider, cassette):
    provider.script(Answer(text="one"), Answer(text="two"))
    with cassette("once"):
        first, second = ask(stack, provider.url), ask(stack, provider.url)
    assert first != second
    with cassette("none"):
        assert [ask(stack, provider.url) for _ in range(2)] == [first, second]
        with pytest.raises(CassetteMiss, match="once more than recorded"):
            ask(stack, provider.url)
    with cassette("none", allow_playback_repeats=True):
        assert [ask(stack, provider.url) for _ in range(4)] == [first, second, second, second]


def test_no_cassette_is_a_miss_that_says_so(stack, provider, cassette):
    with cassette("none"), pytest.raises(CassetteMiss, match="there is no such cassette") as caught:
        ask(stack, provider.url)
    assert "--agentperf-record=once" in str(caught.value)
    assert provider.hits == []


def test_record_modes(stack, provider, cassette, tmp_path):
    with cassette("once"):
        ask(stack, provider.url, prompt="a")
    with cassette("once"), pytest.raises(CassetteMiss):
        ask(stack, provider.url, prompt="b")
    with cassette("new"):
        ask(stack, provider.url, prompt="a")
        ask(stack, provider.url, prompt="b")
    assert (len(provider.hits), prompts(tmp_path)) == (2, ["a", "b"])
    with cassette("all"):
        ask(stack, provider.url, prompt="a")
        ask(stack, provider.url, prompt="c")
    assert len(provider.hits) == 4
    assert set(prompts(tmp_path)) == {"a", "b", "c"}


def test_vcr_config_cannot_open_the_network_and_that_is_noted_once(stack, provider, cassette, recorder):
    with cassette("none", record_mode="all"):
        for _ in range(2):
            with pytest.raises(CassetteMiss):
                ask(stack, provider.url)
    assert provider.hits == []
    (note,) = recorder.recording().notes
    assert "record_mode='all'" in note
    assert "--agentperf-record=none" in note


def test_match_on_of_the_user_is_honoured(stack, provider, cassette):
    with cassette("once"):
        seen = [ask(stack, provider.url, prompt=prompt) for prompt in ("a", "b")]
    with cassette("none", match_on=["method", "path"]):
        assert [ask(stack, provider.url, prompt=prompt) for prompt in ("c", "d")] == seen
        with pytest.raises(CassetteMiss):
            ask(stack, provider.url, prompt="e")
    with cassette("none", match_on=["method", "uri", "body"]):
        assert ask(stack, provider.url, prompt="b") == seen[1]
        with pytest.raises(CassetteMiss):
            ask(stack, provider.url, prompt="c")


def test_filters_of_the_user_apply_to_both_sides(stack, provider, cassette, tmp_path):
    def anonymous(request):
        request.body = request.body.replace(b"Alice", b"NAME").replace(b"Bob", b"NAME")
        return request

    def silent(response):
        response["body"]["string"] = response["body"]["string"].replace(b"You said", b"You whispered")
        return response

    provider.reply = Answer(text="You said so.", pieces=1)
    config = {"before_record_request": anonymous, "before_record_response": silent}
    with cassette("once", **config):
        ask(stack, provider.url, prompt="I am Alice", stream=True)
    assert prompts(tmp_path) == ["I am NAME"]
    with cassette("none", **config):
        assert b"whispered" in b"".join(ask(stack, provider.url, prompt="I am Bob", stream=True))


def test_a_request_that_the_user_ignores_is_neither_recorded_nor_a_miss(stack, provider, cassette, recorder, tmp_path):
    with cassette("once", ignore_localhost=True):
        ask(stack, provider.url)
    assert not (tmp_path / "tape.yaml").exists()
    assert [call.origin for call in calls(recorder)] == [Origin.LIVE]


def test_a_filter_that_fails_is_told_at_the_end_and_not_to_the_agent(stack, provider, cassette, tmp_path):
    def broken(response):
        raise KeyError("nothing here")

    with (
        pytest.raises(CassetteError, match="a filter failed: KeyError"),
        cassette("once", before_record_response=broken),
    ):
        ask(stack, provider.url)
    assert not (tmp_path / "tape.yaml").exists()


def test_nested_cassettes_belong_to_the_inner_one(stack, provider, cassette, tmp_path):
    with cassette("once", "outer"):
        ask(stack, provider.url, prompt="a")
        with cassette("once", "inner"):
            ask(stack, provider.url, prompt="b")
        ask(stack, provider.url, prompt="c")
    assert prompts(tmp_path, "outer.yaml") == ["a", "c"]
    assert prompts(tmp_path, "inner.yaml") == ["b"]


def test_more_cassettes_to_replay_from(stack, provider, cassette, tmp_path):
    for name in ("one", "two"):
        with cassette("once", name):
            ask(stack, provider.url, prompt=name)
    with cassette("none", "one", extra_paths=(str(tmp_path / "two.yaml"),)):
        ask(stack, provider.url, prompt="one")
        ask(stack, provider.url, prompt="two")
    assert len(provider.hits) == 2


def test_a_stream_that_is_never_closed_is_recorded_as_far_as_it_was_read(stack, provider, cassette, tmp_path):
    provider.reply = Answer(text="Hello.")
    with stack.Client() as client:
        with cassette("once"):
            response = client.send(client.build_request("POST", provider.url + PATH, json=body()), stream=True)
            seen = next(read := response.iter_raw())
        read.close()
        response.close()
    (item,) = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    assert item["response"]["agentperf"]["ending"] == "abandoned"
    with cassette("none"):
        assert b"".join(ask(stack, provider.url)) == seen


def test_a_stream_that_is_iterated_again_goes_on_where_it_was(stack, provider, cassette, recorder):
    """OpenAI's SDK does so, to drain what comes after the last event."""
    provider.reply = Answer(text="A long answer.", pieces=4, event_gap_ms=5)

    def read():
        with stack.Client() as client, client.stream("POST", provider.url + PATH, json=body(stream=True)) as response:
            chunks = response.iter_raw()
            return b"".join([next(chunks), *response.stream])

    with cassette("once"):
        seen = read()
    with cassette("none"):
        assert read() == seen
    recorded, replayed = calls(recorder)
    assert recorded.response_size == replayed.response_size == len(seen)


def test_a_gate_knows_the_recorded_usage_of_a_replay(stack, provider, cassette, recorder):
    provider.script(*(Answer(input_tokens=n, output_tokens=1) for n in (10, 20)))
    usages = []
    recorder.gates.append(
        lambda reading: usages.append((reading.call.status, reading.call.usage and reading.call.usage.input))
    )
    for mode in ("once", "none"):
        with cassette(mode):
            ask(stack, provider.url)
            ask(stack, provider.url)
    assert usages == [(None, None), (None, None), (None, 10), (None, 20)]


def test_a_cut_stream_is_cut_again(stack, provider, cassette):
    provider.reply = Answer(text="A long answer.", cut_after=2)
    with cassette("once"), pytest.raises(stack.RemoteProtocolError):
        ask(stack, provider.url, stream=True)
    with cassette("none"), pytest.raises(stack.RemoteProtocolError):
        ask(stack, provider.url, stream=True)
    assert len(provider.hits) == 1


def test_the_status_line_and_repeated_headers_survive(stack, provider, cassette):
    provider.reply = Answer(status=429, headers=(("retry-after", "2"),))

    def see():
        with stack.Client() as client:
            response = client.post(provider.url + PATH, json=body())
            return response.status_code, response.reason_phrase, response.headers["retry-after"], response.content

    with cassette("once"):
        seen = see()
    with cassette("none"):
        assert see() == seen


def test_plain_vcrpy_replays_ours_and_keeps_its_timing(stack, provider, cassette, tmp_path):
    path = tmp_path / "tape.yaml"
    with cassette("once"):
        seen = b"".join(ask(stack, provider.url, stream=True))
    timing = yaml.safe_load(path.read_text("utf-8"))["interactions"][0]["response"]["agentperf"]
    with vcr.use_cassette(str(path), record_mode="new_episodes", match_on=["method", "uri", "body"]):
        assert b"".join(ask(stack, provider.url, stream=True)) == seen
        ask(stack, provider.url, prompt="new")
    assert len(provider.hits) == 2
    saved = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    assert saved[0]["response"]["agentperf"] == timing
    assert len(saved) == 2


@pytest.mark.parametrize("gzip", [False, True])
def test_we_replay_what_plain_vcrpy_recorded(stack, provider, cassette, recorder, tmp_path, gzip):
    provider.reply = Answer(text="Hello.", gzip=gzip)
    with vcr.use_cassette(str(tmp_path / "tape.yaml")), stack.Client() as client:
        seen = client.post(provider.url + PATH, json=body()).content
    with cassette("none"), stack.Client() as client:
        assert client.post(provider.url + PATH, json=body()).content == seen
    assert len(provider.hits) == 1
    assert calls(recorder)[-1].usage.total == 120


def test_other_stacks_are_closed_by_the_same_stop(provider, cassette):
    """vcrpy's own stubs serve them, and ask our cassette."""
    requests = pytest.importorskip("requests")
    with cassette("once"):
        seen = requests.post(provider.url + PATH, json=body(), timeout=10).content
    with cassette("none"):
        assert requests.post(provider.url + PATH, json=body(), timeout=10).content == seen
        with pytest.raises(CassetteMiss):
            requests.post(provider.url + PATH, json=body("other"), timeout=10)
    assert len(provider.hits) == 1


def test_a_vcr_object_of_somebody_else_opens_ours(stack, provider, tmp_path):
    theirs = vcr.VCR(cassette_library_dir=str(tmp_path), record_mode="once")
    upgrade(theirs)
    with theirs.use_cassette("tape.yaml"):
        ask(stack, provider.url)
    assert "agentperf" in (tmp_path / "tape.yaml").read_text("utf-8")
    upgrade(theirs, "none")
    with theirs.use_cassette("tape.yaml", record_mode="all"), pytest.raises(CassetteMiss):
        ask(stack, provider.url, prompt="other")


def test_a_bare_use_cassette_is_adopted_as_context_manager_and_decorator(stack, provider, tmp_path):
    path = str(tmp_path / "tape.yaml")
    with adopting():

        @vcr.use_cassette(path)
        def agent():
            return ask(stack, provider.url)

        @vcr.use_cassette(path)
        async def agent_async():
            return await chunks_async(stack, provider.url)

        seen = agent()
        assert asyncio.run(agent_async()) == seen
        with vcr.use_cassette(path) as tape:
            assert agent.__name__ == "agent"
            assert type(tape) is not vcr.cassette.Cassette
    with vcr.use_cassette(path) as tape:
        assert type(tape) is vcr.cassette.Cassette
    assert len(provider.hits) == 1


def test_an_agent_that_catches_everything_does_not_hide_a_miss(stack, provider, cassette, recorder):
    def agent():
        try:
            ask(stack, provider.url)
        except Exception:
            return "swallowed"

    with cassette("none"), pytest.raises(Stop):
        agent()

    async def gathered():
        return await asyncio.gather(chunks_async(stack, provider.url), return_exceptions=True)

    with cassette("none"):
        (result,) = asyncio.run(gathered())
    assert isinstance(result, CassetteMiss)
    assert len(recorder.stops) == 2


def test_patches_go_when_the_cassette_closes(stack, provider, cassette):
    original = vars(stack.HTTPTransport)["handle_request"]
    with cassette("once"):
        assert vars(stack.HTTPTransport)["handle_request"] is not original
    assert vars(stack.HTTPTransport)["handle_request"] is original


def test_times_of_a_recording_are_those_of_the_wire(stack, provider, cassette, tmp_path):
    provider.reply = Answer(
        text="A long answer.", pieces=4, headers_after_ms=30, first_byte_after_ms=30, event_gap_ms=20
    )
    with cassette("once"), Recorder() as recorder:
        ask(stack, provider.url, stream=True)
    (call,) = calls(recorder)
    (item,) = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    timing = item["response"]["agentperf"]
    assert timing["first_byte"] == pytest.approx((call.first_byte_ns - call.start_ns) / 1e6, abs=0.1)
    assert timing["end"] == pytest.approx(call.duration_ns / 1e6, abs=0.1)
    sizes = [int(part.split("+")[1]) for part in timing["chunks"].split()]
    assert len(sizes) > 4
    assert sum(sizes) == len(item["response"]["body"]["string"].encode())
