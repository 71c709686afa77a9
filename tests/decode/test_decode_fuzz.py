"""No bytes make decoding raise, and how a stream was cut into pieces makes no difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decode.exchanges import BEDROCK, CHAT, GEMINI, GOLDEN, MESSAGES, RESPONSES, exchange, golden
from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.decode.stated import stated_latency
from pytest_agentperf.model.codec import to_json
from pytest_agentperf.model.exchange import Exchange, Request, Response

NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
URLS = st.sampled_from(
    [CHAT, RESPONSES, MESSAGES, GEMINI, f"{BEDROCK}/m/converse", "https://api.cohere.com/v2/chat", "**REDACTED**"]
)
KEYS = st.sampled_from(
    (
        *(
            "object",
            "type",
            "event_type",
            "model",
            "id",
            "choices",
            "message",
            "messages",
            "delta",
            "text",
            "content",
            "role",
        ),
        *(
            "tool_calls",
            "function",
            "name",
            "arguments",
            "index",
            "usage",
            "prompt_tokens",
            "total_tokens",
            "output_tokens",
        ),
        *(
            "response",
            "output",
            "error",
            "candidates",
            "usageMetadata",
            "contents",
            "parts",
            "input",
            "prompt",
            "system",
        ),
        *(
            "tools",
            "metadata",
            "metrics",
            "done",
            "created_at",
            "results",
            "outputs",
            "iterations",
            "completion",
            "item",
        ),
        *(
            "messageStart",
            "contentBlockDelta",
            "contentBlockStart",
            "embeddings",
            "data",
            "finish_reason",
            "stop_reason",
        ),
    )
)
WORDS = st.sampled_from(
    (
        "chat.completion",
        "response",
        "message",
        "message_start",
        "message_delta",
        "content_block_delta",
        "stream-start",
        "x",
        "",
    )
)
LEAVES: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=6)


def read_all(seen: Exchange) -> None:
    """Decode and store, as a whole run does."""
    reading = decode(seen)
    if reading:
        for part in (str(to_json(reading.call)), reading.prompt_text, reading.answer_text):
            part.encode()
    if seen.response:
        for streamed in (True, False):
            stated = stated_latency(seen.response, streamed=streamed)
            assert stated is None or stated.first_byte_ns or stated.end_ns


@given(URLS, OBJECTS, OBJECTS, st.sampled_from([200, 400]))
def test_any_object(url: str, request: dict[str, Any], answer: dict[str, Any], status: int) -> None:
    read_all(exchange(url, request, answer, status=status))


@given(URLS, OBJECTS, st.lists(OBJECTS, min_size=1, max_size=4), st.sampled_from([b"data: ", b""]))
def test_any_stream(url: str, request: dict[str, Any], events: list[dict[str, Any]], prefix: bytes) -> None:
    one = [exchange(url, request, event).response for event in events]
    raw = b"\n\n".join(prefix + response.body for response in one if response)
    read_all(exchange(url, request, raw))


@given(URLS, st.binary(), st.binary())
def test_any_bytes(url: str, request: bytes, answer: bytes) -> None:
    read_all(exchange(url, request, answer))


@given(st.text(), st.lists(st.tuples(st.text(), st.text())))
def test_any_address_and_headers(url: str, headers: list[tuple[str, str]]) -> None:
    (seen,) = golden("anthropic_stream")
    assert seen.response is not None
    request = replace(seen.request, url=url)
    read_all(replace(seen, request=request, response=replace(seen.response, headers=tuple(headers))))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_damage(name: str, data: st.DataObject) -> None:
    """Cut anywhere, bits flipped anywhere, in request and answer."""
    seen = data.draw(st.sampled_from(golden(name)))
    assert seen.response is not None
    bodies = []
    for body in (seen.request.body, seen.response.body):
        raw = bytearray(body[: data.draw(st.integers(0, len(body)))])
        for at in data.draw(st.lists(st.integers(0, max(0, len(raw) - 1)), max_size=8)):
            if raw:
                raw[at] ^= 1 << data.draw(st.integers(0, 7))
        bodies.append(bytes(raw))
    request, response = replace(seen.request, body=bodies[0]), replace(seen.response, body=bodies[1])
    read_all(replace(seen, request=request, response=response))


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("_stream")])
@given(data=st.data())
def test_a_stream_in_any_pieces_is_the_same(name: str, data: st.DataObject) -> None:
    (seen,) = golden(name)
    assert seen.response is not None
    whole = seen.response.body
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=20)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert decode(replace(seen, response=replace(seen.response, body=b"".join(pieces)))) == decode(seen)


def test_deep_nesting() -> None:
    deep = b'{"messages":' + b"[" * 100_000
    read_all(exchange(CHAT, deep, deep))
    nested = (
        b'{"object":"chat.completion","choices":[{"message":{"content":'
        + b'[{"text":' * 400
        + b'""'
        + b"}]" * 400
        + b"}}]}"
    )
    read_all(exchange(CHAT, nested, nested))
    for depth in (*range(800, 1000), 2000, 20_000):
        value = b"[" * depth + b"]" * depth
        request = b'{"model":"m","messages":[{"role":"user","content":' + value + b"}]}"
        read_all(
            exchange(CHAT, request, b'{"object":"chat.completion","choices":[{"message":{"content":' + value + b"}}]}")
        )


def test_an_answer_without_a_request() -> None:
    seen = golden("openai_chat")[0]
    read_all(replace(seen, request=Request(method="GET", url="")))
    read_all(replace(seen, response=Response(status=200)))
