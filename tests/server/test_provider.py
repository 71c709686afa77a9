"""The fake provider against the real SDKs: what the rest of the suite stands on."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai
import pytest

from server.provider import Answer, FakeProvider, Tool

WEATHER = Tool(name="weather", arguments={"city": "Paris"})


@pytest.fixture
def openai_client(provider):
    with openai.OpenAI(base_url=f"{provider.url}/v1", api_key="fake", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(provider):
    with anthropic.Anthropic(base_url=provider.url, api_key="fake", max_retries=0) as client:
        yield client


def ask_chat(client, prompt="hi", **options):
    return client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}], **options
    )


def send(url, body=None):
    """One request without an SDK: the bytes of the answer."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=60) as response:
        return response.read()


def ask_anthropic(client, prompt="hi", **options):
    return client.messages.create(
        model="claude-sonnet-4-6", max_tokens=100, messages=[{"role": "user", "content": prompt}], **options
    )


@pytest.mark.parametrize("gzip", [False, True])
def test_chat(provider, openai_client, gzip):
    provider.reply = Answer(text="Sunny.", tools=(WEATHER,), cached_tokens=64, gzip=gzip)
    whole = ask_chat(openai_client)
    assert whole.choices[0].message.content == "Sunny."
    assert whole.choices[0].message.tool_calls[0].function.arguments == '{"city": "Paris"}'
    assert (whole.usage.prompt_tokens, whole.usage.prompt_tokens_details.cached_tokens) == (100, 64)

    chunks = list(ask_chat(openai_client, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Sunny."
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in ask_chat(openai_client, stream=True))


@pytest.mark.parametrize("gzip", [False, True])
def test_responses(provider, openai_client, gzip):
    provider.reply = Answer(text="Sunny.", tools=(WEATHER,), reasoning_tokens=5, gzip=gzip)
    whole = openai_client.responses.create(model="gpt-5-mini", input="hi")
    assert whole.output_text == "Sunny."
    assert [item.type for item in whole.output] == ["reasoning", "message", "function_call"]
    with openai_client.responses.stream(model="gpt-5-mini", input="hi") as stream:
        streamed = stream.get_final_response()
    assert streamed.output_text == "Sunny."
    assert streamed.usage == whole.usage
    assert streamed.output[2].arguments == whole.output[2].arguments


@pytest.mark.parametrize("gzip", [False, True])
def test_anthropic(provider, anthropic_client, gzip):
    provider.reply = Answer(text="Sunny.", tools=(WEATHER,), input_tokens=100, cached_tokens=64, gzip=gzip)
    whole = ask_anthropic(anthropic_client)
    assert whole.content[0].text == "Sunny."
    assert whole.content[1].input == {"city": "Paris"}
    assert (whole.usage.input_tokens, whole.usage.cache_read_input_tokens) == (36, 64)
    with anthropic_client.messages.stream(
        model="claude-sonnet-4-6", max_tokens=100, messages=[{"role": "user", "content": "hi"}]
    ) as stream:
        streamed = stream.get_final_message()
    assert streamed.content[1].input == whole.content[1].input
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.stop_reason == "tool_use"


def test_parallel_tool_calls_have_their_own_ids(provider, openai_client, anthropic_client):
    provider.reply = Answer(tools=(WEATHER, WEATHER))
    with openai_client.chat.completions.stream(model="gpt-4o", messages=[{"role": "user", "content": "hi"}]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.content is None
    assert len({call.id for call in message.tool_calls}) == 2
    blocks = ask_anthropic(anthropic_client).content
    assert [block.type for block in blocks] == ["tool_use", "tool_use"]
    assert len({block.id for block in blocks}) == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, openai.BadRequestError), (429, openai.RateLimitError), (500, openai.InternalServerError)],
)
def test_openai_errors(provider, openai_client, status, error):
    provider.script(Answer(status=status, headers=(("retry-after", "1"),)))
    with pytest.raises(error) as caught:
        ask_chat(openai_client)
    assert caught.value.response.headers["retry-after"] == "1"
    assert ask_chat(openai_client).choices[0].message.content == "You said: hi"


def test_anthropic_overloaded(provider, anthropic_client):
    provider.script(Answer(status=529))
    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        ask_anthropic(anthropic_client)


def test_errors_in_mid_stream(provider, openai_client, anthropic_client):
    provider.reply = Answer(text="Sunny in Paris.", error_after=3)
    with pytest.raises(openai.APIError, match="server had an error"):
        list(ask_chat(openai_client, stream=True))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(ask_anthropic(anthropic_client, stream=True))


@pytest.mark.parametrize("stream", [False, True])
def test_cut_body(provider, stream):
    provider.script(Answer(text="Sunny.", cut_after=2))
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    with pytest.raises(http.client.IncompleteRead):
        send(f"{provider.url}/v1/chat/completions", body)


def test_delays(provider, openai_client):
    provider.reply = Answer(text="abcd", headers_after_ms=20, first_byte_after_ms=30, event_gap_ms=10)
    start = time.monotonic()
    with ask_chat(openai_client, stream=True) as stream:
        head = time.monotonic()
        events = iter(stream)
        next(events)
        first = time.monotonic()
        rest = len(list(events))
        end = time.monotonic()
    # Lower bounds only: what a loaded machine adds is not the server's.
    assert head - start >= 0.020
    assert first - start >= 0.050
    assert end - first >= 0.010 * rest


def test_threads_share_one_server(provider, openai_client):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: ask_chat(openai_client, f"prompt {i}"), range(64)))
    assert [a.choices[0].message.content for a in answers] == [f"You said: prompt {i}" for i in range(64)]
    assert len({answer.id for answer in answers}) == 64
    assert len({hit.connection for hit in provider.hits}) < 64  # kept alive


def test_other_traffic(provider):
    provider.script(Answer(raw=b"plain", content_type="text/plain"))
    assert send(f"{provider.url}/anything") == b"plain"
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        send(f"{provider.url}/anything")
    caught.value.close()


def test_closing_wakes_a_client_that_waits():
    with FakeProvider(Answer(text="late", headers_after_ms=60_000)) as provider, ThreadPoolExecutor(1) as pool:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
        waiting = pool.submit(send, f"{provider.url}/v1/chat/completions", body)
        while not provider.hits:
            assert not waiting.done()
        provider.close()
        with pytest.raises(http.client.RemoteDisconnected):
            waiting.result()


def test_a_failure_in_the_server_is_raised_at_its_end():
    def fail(hit):
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup), FakeProvider(fail) as provider:
        with pytest.raises(http.client.RemoteDisconnected):
            send(provider.url)
