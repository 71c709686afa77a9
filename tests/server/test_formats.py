"""Every wire format of the fake provider, read by what reads real traffic: it says what the provider was told to answer."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request

import pytest

from decode.exchanges import exchange
from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.decode.json_ import digest
from server.provider import Answer, Tool

SAID = {"messages": [{"role": "user", "content": "hi"}]}
CALLS = {
    "openai-chat": ("/v1/chat/completions", SAID),
    "openai-responses": ("/v1/responses", {"input": "hi"}),
    "anthropic-messages": ("/v1/messages", SAID),
    "gemini": ("/v1beta/models/the-model", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    "mistral": ("/mistral/v1/chat/completions", SAID),
    "cohere-v1": ("/v1/chat", {"message": "hi"}),
    "cohere-v2": ("/v2/chat", SAID),
    "ollama": ("/api/chat", SAID),
    "bedrock-converse": ("/model/the-model", {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}),
}
"""Path without what asks for a stream, and what makes the body a question."""
IN_PATH = {
    "gemini": (":generateContent", ":streamGenerateContent?alt=sse"),
    "bedrock-converse": ("/converse", "/converse-stream"),
}
"""Formats whose path says whether to stream, and the model."""
TOOLS = (Tool(name="weather", arguments={"city": "Paris"}), Tool(name="now"))
UNSAID = {"ollama", "anthropic-messages", "bedrock-converse", "cohere-v1", "cohere-v2"}
"""Formats that do not count reasoning apart."""


def post(provider, api, *, stream):
    """The exchange, as a recorder would hand it on."""
    path, body = CALLS[api]
    if api in IN_PATH:
        path += IN_PATH[api][stream]
    else:
        body = body | {"model": "the-model", "stream": stream, "stream_options": {"include_usage": True}}
    sent = json.dumps(body).encode()
    url = provider.url + path
    try:
        with urllib.request.urlopen(url, sent, timeout=60) as response:
            status, headers, content = response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as response:
        with response:
            status, headers, content = response.code, dict(response.headers), response.read()
    headers = {name.lower(): value for name, value in headers.items()}
    if headers.pop("content-encoding", "") == "gzip":
        content = gzip.decompress(content)
    return exchange(url, sent, content, status=status, headers=headers)


def ask(provider, api, *, stream):
    reading = decode(post(provider, api, stream=stream))
    assert reading is not None
    return reading.call


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", CALLS)
def test_says_what_it_was_told(provider, api, stream, gzip):
    provider.reply = Answer(
        text="Sunny.",
        tools=TOOLS,
        input_tokens=300,
        output_tokens=50,
        cached_tokens=128,
        reasoning_tokens=16,
        gzip=gzip,
    )
    call = ask(provider, api, stream=stream)
    assert call.api == {"mistral": "openai-chat"}.get(api, api)
    assert call.error is None
    assert (call.requested_model, call.streamed) == ("the-model", stream)
    assert call.answer_digest == digest(b"Sunny.")
    assert [(tool.name, json.loads(tool.arguments)) for tool in call.tool_calls] == [
        (tool.name, tool.arguments) for tool in TOOLS
    ]
    assert (call.usage.input, call.usage.output) == (300, 50)
    assert (call.usage.cache_read or 0) == (0 if api == "ollama" else 128)
    assert (call.usage.reasoning or 0) == (0 if api in UNSAID else 16)


@pytest.mark.parametrize("api", CALLS)
def test_answers_with_nothing(provider, api):
    provider.reply = Answer()
    for stream in (False, True):
        call = ask(provider, api, stream=stream)
        assert (call.error, call.tool_calls, call.usage.total) == (None, (), 120)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", CALLS)
def test_echoes_the_prompt(provider, api, stream):
    assert ask(provider, api, stream=stream).answer_digest == digest(b"You said: hi")


@pytest.mark.parametrize("api", CALLS)
def test_refuses(provider, api):
    provider.script(Answer(status=429), Answer(status=500))
    for status in (429, 500):
        call = ask(provider, api, stream=True)
        assert (call.status, call.streamed, call.usage) == (status, False, None)
        assert call.error


@pytest.mark.parametrize("api", CALLS)
def test_fails_in_mid_stream(provider, api):
    provider.script(Answer(text="Sunny in Paris.", error_after=3))
    call = ask(provider, api, stream=True)
    assert call.streamed
    assert call.error
