"""What is a call of a model, what is none, and what failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from decode.exchanges import BEDROCK, CHAT, GEMINI, MESSAGES, RESPONSES, call, exchange, golden, sse
from pytest_agentperf.decode.decoder import decode, is_streamed
from pytest_agentperf.model.exchange import Chunk, Origin, Request, Response, Timing

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
COMPLETION = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
}


@pytest.mark.parametrize(
    ("url", "request_body", "answer", "status"),
    [
        (
            "https://mcp.example.com/mcp",
            {"jsonrpc": "2.0", "method": "tools/list"},
            sse({"jsonrpc": "2.0", "result": {}}),
            200,
        ),
        ("https://oauth2.googleapis.com/token", b"grant_type=refresh_token", {"access_token": "x"}, 200),
        ("https://api.openai.com/v1/traces/ingest", {"data": [{"object": "trace"}]}, b"", 204),
        ("https://x.svc.pinecone.io/query", {"vector": [0.1]}, {"matches": []}, 200),
        (
            "http://localhost:8000/collections/1/query",
            {"query_embeddings": []},
            {"ids": [], "embeddings": [[0.1]]},
            200,
        ),
        ("https://api.openai.com/v1/models", b"", {"object": "list", "data": [{"object": "model"}]}, 200),
        ("https://api.openai.com/v1/moderations", {"model": "m", "input": "x"}, {"results": [{"flagged": False}]}, 200),
        ("https://api.anthropic.com/v1/messages/count_tokens", ASK, {"input_tokens": 5}, 200),
        ("https://api.anthropic.com/v1/messages/count_tokens", ASK, {"error": {"message": "no"}}, 400),
        ("https://api.openai.com/v1/responses/input_tokens", {"model": "m", "input": "x"}, None, 200),
        (GEMINI.replace("generateContent", "countTokens"), {"contents": [{"parts": []}]}, {"totalTokens": 4}, 200),
        (
            "https://generativelanguage.googleapis.com/v1beta/cachedContents",
            {"contents": [{"parts": []}]},
            {"usageMetadata": {}},
            200,
        ),
        ("https://eu.i.posthog.com/batch/", {"batch": []}, {"status": "Ok"}, 200),
        ("https://example.com/logo.png", b"", b"\x89PNG\r\n\x1a\n\x00\x00", 200),
        ("https://api.smith.langchain.com/runs/batch", b"--x\r\n", {"message": "Runs batch ingested"}, 202),
        ("**REDACTED**", b"", b"", 500),
    ],
)
def test_no_call_of_a_model(url: str, request_body: object, answer: object, status: int) -> None:
    assert decode(exchange(url, request_body, answer, status=status)) is None


@pytest.mark.parametrize(
    "url", ["**REDACTED**", "<API_BASE>/chat/completions", "http://[::1", "http://localhost:8000/v1/x"]
)
def test_the_shape_of_an_answer_is_enough(url: str) -> None:
    found = call(url, ASK, COMPLETION)
    assert (found.api, found.provider) == ("openai-chat", "unknown")


@pytest.mark.parametrize(
    ("url", "request_body", "api"),
    [
        (CHAT, ASK, "openai-chat"),
        (RESPONSES, {"model": "m", "input": "hi"}, "openai-responses"),
        ("**REDACTED**", {"model": "m", "input": "hi", "store": False}, "openai-responses"),
        (MESSAGES, ASK, "anthropic-messages"),
        ("**REDACTED**", {**ASK, "system": "be brief"}, "anthropic-messages"),
        (GEMINI, {"contents": [{"parts": [{"text": "hi"}]}]}, "gemini"),
        (f"{BEDROCK}/m/converse", {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "bedrock-converse"),
        (f"{BEDROCK}/m/invoke", {"prompt": "hi"}, "bedrock-invoke"),
        (f"{BEDROCK}/m/invoke", {"prompt": "hi", "max_tokens_to_sample": 1}, "anthropic-text"),
        ("https://api.cohere.com/v2/chat", ASK, "cohere-v2"),
        ("https://api.cohere.com/v1/chat", {"message": "hi"}, "cohere-v1"),
        ("http://127.0.0.1:11434/api/chat", ASK, "ollama"),
        ("https://us-south.ml.cloud.ibm.com/ml/v1/text/generation", {"model_id": "m", "input": "hi"}, "watsonx"),
        (
            "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat",
            {"model_id": "m", "messages": ASK["messages"]},
            "openai-chat",
        ),
        ("https://api.openai.com/v1/completions", {"model": "m", "prompt": "hi"}, "openai-completions"),
        ("https://api.openai.com/v1/embeddings", {"model": "m", "input": "hi"}, "embeddings"),
    ],
)
def test_a_request_that_is_not_answered_yet(url: str, request_body: dict[str, Any], api: str) -> None:
    found = call(url, request_body)
    assert (found.api, found.status, found.error, found.usage) == (api, None, None, None)
    assert found.prompt.messages[0].size > 0


def test_a_request_that_failed_on_the_way() -> None:
    assert call(CHAT, ASK, error="ConnectTimeout").error == "ConnectTimeout"


@pytest.mark.parametrize(
    ("url", "status", "answer", "headers", "error"),
    [
        (
            CHAT,
            429,
            {"error": {"message": "slow", "type": "requests", "code": "rate_limit_exceeded"}},
            {},
            "429 rate_limit_exceeded: slow",
        ),
        (
            CHAT,
            401,
            {"error": {"message": "no", "type": "invalid_request_error", "code": None}},
            {},
            "401 invalid_request_error: no",
        ),
        (
            MESSAGES,
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            {},
            "529 overloaded_error: Overloaded",
        ),
        (
            CHAT,
            400,
            {"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}},
            {},
            "400 INVALID_ARGUMENT: bad",
        ),
        (CHAT, 400, [{"error": {"code": 400, "message": "bad"}}], {}, "400: bad"),
        (
            CHAT,
            400,
            {"message": "bad"},
            {"x-amzn-errortype": "ValidationException:http://x/"},
            "400 ValidationException: bad",
        ),
        (CHAT, 404, {"error": "model not found"}, {}, "404: model not found"),
        (CHAT, 422, {"detail": "no such field"}, {}, "422: no such field"),
        (CHAT, 502, b"<html>Bad gateway</html>", {}, "502"),
        (CHAT, 200, {"error": {"message": "filtered", "code": "content_filter"}}, {}, "content_filter: filtered"),
        (CHAT, 200, b"", {}, "the answer has no body"),
        (CHAT, 200, b'{"object": "chat.compl', {}, "the answer is no valid JSON (cut?)"),
        (RESPONSES, 200, sse({"type": "error", "code": "server_error", "message": "sorry"}), {}, "server_error: sorry"),
    ],
)
def test_why_a_call_failed(url: str, status: int, answer: object, headers: dict[str, str], error: str) -> None:
    request = {"model": "m", "input": "hi"} if url == RESPONSES else ASK
    found = call(url, request, answer, status=status, headers=headers)
    assert (found.error, found.status, found.model, found.usage) == (error, status, "m", None)


def test_a_long_error_is_cut_to_one_line() -> None:
    error = call(CHAT, ASK, {"error": {"message": "so\nlong " * 100}}, status=400).error
    assert error is not None
    assert len(error) == 200
    assert "\n" not in error


@pytest.mark.parametrize(
    "name", ["openai_chat_stream", "openai_responses_stream", "anthropic_stream", "bedrock_converse_stream"]
)
def test_a_stream_that_ends_early_is_no_success(name: str) -> None:
    (whole,) = golden(name)
    assert whole.response is not None
    cut = replace(whole, response=replace(whole.response, body=whole.response.body[: len(whole.response.body) // 2]))
    reading = decode(cut)
    assert reading is not None
    assert reading.call.error is not None
    assert "cut" in reading.call.error


def test_a_stream_whose_reader_left_keeps_what_the_transport_raised() -> None:
    assert call(CHAT, ASK, sse({"choices": [{"delta": {"content": "x"}}]}), error="ReadError").error == "ReadError"


def test_times_and_place_come_from_the_exchange() -> None:
    seen = replace(
        exchange(CHAT, ASK, COMPLETION),
        index=7,
        start_ns=1,
        first_byte_ns=2,
        end_ns=3,
        origin=Origin.LIVE,
        timing=Timing.MEASURED,
        span=4,
        thread=5,
    )
    reading = decode(seen)
    assert reading is not None
    found = reading.call
    assert (found.index, found.start_ns, found.first_byte_ns, found.end_ns) == (7, 1, 2, 3)
    assert (found.origin, found.timing, found.span, found.thread) == (Origin.LIVE, Timing.MEASURED, 4, 5)
    assert (found.request_size, found.cost, found.turn) == (len(seen.request.body), None, 1)


@pytest.mark.parametrize(
    ("url", "answer", "headers", "provider"),
    [
        ("https://us.api.openai.com/v1/chat/completions", {}, {}, "openai"),
        ("https://x.openai.azure.com/openai/deployments/d/chat/completions", {}, {}, "azure"),
        ("https://notopenai.com/v1/chat/completions", {}, {}, "unknown"),
        ("https://us-east5-aiplatform.googleapis.com/v1/x", {}, {}, "vertexai"),
        ("https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions", {}, {}, "bedrock"),
        ("http://localhost:11434/v1/chat/completions", {}, {}, "ollama"),
        ("http://localhost:8787/openai", {}, {"openai-version": "2020-10-01"}, "openai"),
        ("**REDACTED**", {"id": "gen-1"}, {}, "openrouter"),
        ("**REDACTED**", {"x_groq": {}}, {}, "groq"),
        ("**REDACTED**", {"prompt_filter_results": []}, {}, "azure"),
    ],
)
def test_provider(url: str, answer: dict[str, Any], headers: dict[str, str], provider: str) -> None:
    assert call(url, ASK, {**COMPLETION, **answer}, headers=headers).provider == provider


def test_cache_hints_do_not_change_a_message() -> None:
    """They move to the last message of each request, and a text becomes a block to carry one."""
    hint = {"cache_control": {"type": "ephemeral"}}
    first = {
        "model": "c",
        "system": "s",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", **hint}]}],
    }
    later = {
        "model": "c",
        "system": "s",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": [{"type": "text", "text": "bye", **hint}]},
        ],
    }
    one, other = (call(MESSAGES, request).prompt for request in (first, later))
    assert other.messages[0] == one.messages[0]


def test_equal_messages_have_equal_digests_whatever_the_order_of_their_keys() -> None:
    one = call(CHAT, {"model": "m", "messages": [{"role": "user", "content": "hi"}]}).prompt
    other = call(CHAT, {"messages": [{"content": "hi", "role": "user"}], "model": "m"}).prompt
    assert one == other
    assert len(one.messages[0].digest) == 16


def test_a_system_message_in_mid_conversation_stays_there() -> None:
    messages = [{"role": "system", "content": "a"}, *ASK["messages"], {"role": "system", "content": "b"}]
    prompt = call(CHAT, {"model": "m", "messages": messages}).prompt
    assert [message.role for message in prompt.messages] == ["user", "system"]


def test_the_text_of_a_prompt_leaves_out_what_no_model_reads_as_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, image]}],
        "tools": [tool],
    }
    reading = decode(exchange(CHAT, request))
    assert reading is not None
    assert reading.prompt_text.split("\n") == ["see", "look", '{"type":"object"}']


def test_half_characters_do_no_harm() -> None:
    answer = b'{"object": "chat.completion", "choices": [{"message": {"content": "\\ud83d\\ude00 \\ud800"}}]}'
    reading = decode(exchange(CHAT, ASK, answer))
    assert reading is not None
    assert reading.answer_text == "\N{GRINNING FACE} ?"


@pytest.mark.parametrize(
    ("request_body", "url", "content_type", "answer", "streamed"),
    [
        (b'{"stream": true}', CHAT, None, None, True),
        (b'{"stream":false}', CHAT, None, None, False),
        (b'{"x": "\\"stream\\": true"}', CHAT, None, None, False),
        (b"{}", CHAT, "text/event-stream; charset=utf-8", b"", True),
        (b"{}", CHAT, "application/json", b"{}", False),
        (b"{}", CHAT, None, b"data: {}\n\n", True),
        (b"{}", GEMINI.replace(":generate", ":streamGenerate"), "application/json", b"[]", True),
        (b"{}", f"{BEDROCK}/m/converse-stream", None, None, True),
    ],
)
def test_streamed(
    request_body: bytes, url: str, content_type: str | None, answer: bytes | None, streamed: bool
) -> None:
    headers = (("content-type", content_type),) if content_type else ()
    response = None if answer is None else Response(status=200, headers=headers, body=answer)
    assert is_streamed(Request(method="POST", url=url, body=request_body), response) is streamed


def test_a_refusal_is_not_streamed() -> None:
    request = Request(method="POST", url=CHAT, body=b'{"stream": true}')
    assert not is_streamed(request, Response(status=429, body=b"{}"))


@pytest.mark.parametrize("count", [0, 1, 16, 17, 200])
def test_times_of_chunks_are_kept_thinned_with_the_first_and_the_last(count: int) -> None:
    chunks = tuple(Chunk(at_ns=at, size=1) for at in range(count))
    reading = decode(replace(exchange(CHAT, ASK | {"stream": True}, sse(COMPLETION)), chunks=chunks))
    assert reading is not None
    kept = reading.call.chunks_ns
    assert len(kept) == min(count, 16) == len(set(kept))
    assert not count or (kept[0], kept[-1]) == (0, count - 1)
