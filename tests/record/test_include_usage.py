"""Usage that a recording asks for, and the agent does not see."""

from __future__ import annotations

import asyncio
import inspect
import json
import urllib.request
from functools import partial
from itertools import pairwise

import aiohttp
import pytest
import requests
import urllib3
import vcr
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentperf.model.exchange import Request
from pytest_agentperf.record.cassette import CassetteError
from pytest_agentperf.record.include_usage import Hiding, asking
from pytest_agentperf.record.stored import exchanges
from server.provider import Answer

PATH = "/v1/chat/completions"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": True}
ALL = {"agentperf_include_usage": "all"}


def read(stack, url, body=BODY):
    with stack.Client() as client, client.stream("POST", url + PATH, json=body) as response:
        return b"".join(response.iter_bytes())


async def read_async(stack, url, body=BODY):
    async with stack.AsyncClient() as client, client.stream("POST", url + PATH, json=body) as response:
        return b"".join([chunk async for chunk in response.aiter_bytes()])


async def read_aiohttp(url, body=BODY):
    async with aiohttp.ClientSession() as session, session.post(url + PATH, json=body) as response:
        return b"".join([chunk async for chunk in response.content.iter_any()])


def read_requests(url, body=BODY):
    with requests.post(url + PATH, json=body, stream=True) as response:
        return b"".join(response.iter_content(None))


def read_urllib3(url, body=BODY):
    with urllib3.PoolManager() as pool:
        return pool.request("POST", url + PATH, json=body).data


def read_urllib(url, body=BODY):
    headers = {"content-type": "application/json"}
    asked = urllib.request.Request(url + PATH, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(asked) as response:
        return b"".join(response)


READ = [
    *((read_it, stack) for read_it in (read, read_async) for stack in ("httpx", "httpx2")),
    *((read_it, None) for read_it in (read_aiohttp, read_requests, read_urllib3, read_urllib)),
]


@pytest.fixture(params=READ, ids=lambda pair: f"{pair[0].__name__}-{pair[1]}")
def ask(request):
    read_it, stack = request.param
    if stack:
        read_it = partial(read_it, pytest.importorskip(stack))
    if inspect.iscoroutinefunction(read_it):
        return lambda url, **kwargs: asyncio.run(read_it(url, **kwargs))
    return read_it


def usages(recorder):
    usages = [reading.call.usage for reading in recorder.recording().readings]
    return [(usage.input, usage.output) if usage else None for usage in usages]


@pytest.fixture(autouse=True)
def reply(provider):
    provider.reply = Answer(text="Hello there.", pieces=3, input_tokens=11, output_tokens=7)


def test_it_is_asked_for_hidden_and_known_in_the_replay(ask, provider, cassette, recorder, tmp_path):
    with cassette("once", **ALL):
        seen = ask(provider.url)
    assert provider.hits[0].json["stream_options"] == {"include_usage": True}
    assert b'"choices":[]' not in seen.replace(b" ", b"")
    assert seen.endswith(b"data: [DONE]\n\n")
    (stored,) = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    assert json.loads(stored["request"]["body"]) == BODY
    assert stored["response"]["body"]["string"].encode() == seen
    with cassette("none"):
        assert ask(provider.url) == seen
    assert usages(recorder) == [(11, 7), (11, 7)]
    with vcr.use_cassette(str(tmp_path / "tape.yaml"), record_mode="none"):
        assert ask(provider.url) == seen
    (exchange,) = exchanges(tmp_path / "tape.yaml")
    assert b'"usage"' in exchange.response.body


def test_it_is_hidden_in_what_comes_with_the_headers(ask, provider, cassette, recorder):
    provider.reply = Answer(text="Hello there.", pieces=1, input_tokens=11, output_tokens=7)
    for mode in ("once", "none"):
        with cassette(mode, **ALL):
            seen = ask(provider.url)
            assert b'"choices":[]' not in seen.replace(b" ", b"")
            assert seen.endswith(b"data: [DONE]\n\n")
    assert usages(recorder) == [(11, 7), (11, 7)]


def test_a_client_that_asks_sees_it(ask, provider, cassette, recorder):
    body = {**BODY, "stream_options": {"include_usage": True}}
    for mode in ("once", "none"):
        with cassette(mode, **ALL):
            assert b'"choices":[]' in ask(provider.url, body=body).replace(b" ", b"")
    assert usages(recorder) == [(11, 7), (11, 7)]


@pytest.mark.parametrize("config", [{}, {"agentperf_include_usage": "off"}])
def test_it_is_not_asked_of_others_nor_where_it_is_off(ask, provider, cassette, recorder, config):
    with cassette("once", **config):
        ask(provider.url)
    assert provider.hits[0].json == BODY
    assert usages(recorder) == [None]


def test_it_is_not_asked_without_a_recording(stack, provider, recorder):
    read(stack, provider.url)
    assert provider.hits[0].json == BODY


def test_a_packed_answer_is_left_as_it_is(stack, provider, cassette, recorder):
    provider.reply = Answer(text="Hello there.", gzip=True, input_tokens=11, output_tokens=7)
    with cassette("once", **ALL):
        assert read(stack, provider.url).endswith(b"data: [DONE]\n\n")
    assert provider.hits[0].headers["accept-encoding"] == "identity"
    assert usages(recorder) == [(11, 7)]


def test_a_word_that_is_unknown_is_refused(cassette):
    with pytest.raises(CassetteError, match="agentperf_include_usage: expected one of openai, all, off, got 'yes'"):
        with cassette("once", agentperf_include_usage="yes"):
            pass


@pytest.mark.parametrize(
    ("url", "change", "of", "asked"),
    [
        ("https://api.openai.com/v1/chat/completions", {}, "openai", True),
        ("https://api.openai.com/v1/chat/completions", {"stream_options": {"x": 1}}, "openai", True),
        ("https://api.openai.com/v1/chat/completions", {"stream_options": {"include_usage": False}}, "openai", False),
        ("https://api.openai.com/v1/chat/completions", {"stream": False}, "openai", False),
        ("https://api.openai.com/v1/responses", {}, "openai", False),
        ("https://api.mistral.ai/v1/chat/completions", {}, "openai", False),
        ("https://api.mistral.ai/v1/chat/completions", {}, "all", True),
        ("https://api.openai.com/v1/chat/completions", {}, "off", False),
    ],
)
def test_of_whom_it_is_asked(url, change, of, asked):
    body = asking(Request(method="POST", url=url, body=json.dumps(BODY | change).encode()), of)
    assert (body is not None) == asked
    if body is not None:
        assert json.loads(body)["stream_options"]["include_usage"] is True


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"stream": true, "stream_options": 5}'])
def test_other_bodies_are_left_alone(body):
    assert asking(Request(method="POST", url="https://api.openai.com/v1/chat/completions", body=body), "all") is None


EVENTS = [
    b'data: {"choices": [{"delta": {"content": "\xc3\xa4"}}], "usage": null}',
    b'data: {"choices": [], "usage": null, "prompt_filter_results": []}',
    b'data: {"choices": [], "usage": {"prompt_tokens": 1}}',
    b": a comment",
    b'data: "usage"',
    b"data: [DONE]",
]


@given(
    st.lists(st.sampled_from(EVENTS)),
    st.sampled_from([b"\n\n", b"\r\n\r\n"]),
    st.lists(st.integers(0, 400)),
    st.binary(max_size=9),
)
def test_however_a_stream_is_cut_the_same_is_hidden(events, end, cuts, tail):
    tail = tail.replace(b"\n", b"")
    whole = b"".join(event + end for event in events) + tail
    at = sorted({0, *(min(cut, len(whole)) for cut in cuts), len(whole)})
    hiding = Hiding()
    shown = b"".join(hiding(whole[a:b]) for a, b in pairwise(at)) + hiding.rest()
    assert shown == b"".join(event + end for event in events if event != EVENTS[2]) + tail
    assert hiding.hidden == (EVENTS[2] + end) * events.count(EVENTS[2])
