"""Anthropic's messages, direct, on Vertex and as Bedrock invokes them; and its first format."""

from __future__ import annotations

from typing import Any

import pytest

from decode.exchanges import BEDROCK, MESSAGES, call, chunk, sse
from pytest_agentperf.model.call import SideCall, ToolCall
from pytest_agentperf.model.usage import Usage

ASK = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def message(usage: dict[str, Any], *content: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "model": "claude-1",
        "content": list(content),
        "stop_reason": "end_turn",
        "usage": usage,
        **rest,
    }


def stream(first: dict[str, Any], last: dict[str, Any], *blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "message_start", "message": message(first, stop_reason=None)},
        *blocks,
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"},
    ]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {
                "input_tokens": 4,
                "output_tokens": 113,
                "cache_creation_input_tokens": 3522,
                "cache_read_input_tokens": 1150,
            },
            Usage(input=4676, output=113, cache_read=1150, cache_write=3522),
            id="input leaves cache reads and writes out",
        ),
        pytest.param(
            {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_creation_input_tokens": 17269,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            },
            Usage(input=17270, output=2, cache_write=17269, cache_write_1h=0),
            id="the split stays 0 beside a full total",
        ),
        pytest.param(
            {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            },
            Usage(input=31, output=2, cache_write=30, cache_write_1h=20),
            id="the split alone",
        ),
        pytest.param(
            {"input_tokens": 598, "output_tokens": 92, "output_tokens_details": {"thinking_tokens": 53}},
            Usage(input=598, output=92, reasoning=53),
            id="thinking is inside of the output",
        ),
    ],
)
def test_usage(usage: dict[str, Any], expected: Usage) -> None:
    assert call(MESSAGES, ASK, message(usage)).usage == expected


def test_message_delta_replaces_what_the_stream_began_with() -> None:
    """A web search makes the input grow after the stream began."""
    events = stream({"input_tokens": 2039, "output_tokens": 1}, {"input_tokens": 10423, "output_tokens": 250})
    assert call(MESSAGES, ASK, sse(*events)).usage == Usage(input=10423, output=250)


def test_message_delta_with_output_only() -> None:
    """Old streams: the input stands in the first event alone."""
    events = stream({"input_tokens": 19, "output_tokens": 1}, {"output_tokens": 22, "input_tokens": None})
    assert call(MESSAGES, ASK, sse(*events)).usage == Usage(input=19, output=22)


def test_iterations_of_other_kinds_are_billed_apart() -> None:
    usage = {
        "input_tokens": 5,
        "output_tokens": 6,
        "iterations": [
            {"type": "message", "input_tokens": 5, "output_tokens": 6},
            {"type": "compaction", "input_tokens": 83555, "output_tokens": 139},
            {"type": "advisor_message", "model": "claude-wise", "input_tokens": 7, "output_tokens": 8},
        ],
    }
    found = call(MESSAGES, ASK, message(usage))
    assert found.usage == Usage(input=5, output=6)
    assert found.side_calls == (
        SideCall(kind="compaction", model=None, usage=Usage(input=83555, output=139)),
        SideCall(kind="advisor_message", model="claude-wise", usage=Usage(input=7, output=8)),
    )


def test_tools_of_the_agent_and_of_the_provider() -> None:
    found = call(
        MESSAGES,
        ASK,
        message(
            {},
            {"type": "server_tool_use", "name": "web_search", "input": {}},
            {"type": "mcp_tool_use", "name": "ask_docs", "input": {}},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": "ü"}},
            {"type": "text", "text": "hello"},
        ),
    )
    assert found.tool_calls == (ToolCall(id="t1", name="f", arguments='{"b":1,"a":"ü"}'),)
    assert found.server_tools == ("web_search", "ask_docs")


def test_streamed_arguments_and_text() -> None:
    start = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    blocks: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}},
        {"type": "content_block_start", "index": 1, "content_block": start},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": " 1}"}},
    ]
    found = call(MESSAGES, ASK, sse(*stream({"input_tokens": 1, "output_tokens": 1}, {"output_tokens": 2}, *blocks)))
    assert found.tool_calls == (ToolCall(id="t1", name="f", arguments='{"a": 1}'),)
    assert found.answer_digest == call(MESSAGES, ASK, message({}, {"type": "text", "text": "hello"})).answer_digest


def test_a_request_with_everything() -> None:
    request = {
        "model": "claude",
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "f", "input_schema": {}}, {"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "42"}]},
        ],
    }
    prompt = call(MESSAGES, request, message({})).prompt
    assert (prompt.tools, prompt.parallel_tools) == (("f", "web_search"), False)
    assert [(result.call_id, result.size) for result in prompt.results] == [("t1", 4)]
    assert [m.role for m in prompt.messages] == ["user", "assistant", "user"]


def test_an_error_in_the_stream() -> None:
    events = stream({"input_tokens": 1, "output_tokens": 1}, {})[:1]
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert call(MESSAGES, ASK, sse(*events, error)).error == "overloaded_error: Overloaded"


def test_on_bedrock_the_address_names_the_model_and_chunks_carry_the_events() -> None:
    request = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": ASK["messages"]}
    events = stream({"input_tokens": 9, "output_tokens": 1}, {"output_tokens": 4})
    url = f"{BEDROCK}/us.anthropic.claude-x-v1%3A0/invoke-with-response-stream"
    found = call(url, request, b"".join(chunk(event) for event in events))
    assert (found.provider, found.api, found.streamed) == ("bedrock", "anthropic-messages", True)
    assert (found.model, found.requested_model) == ("claude-1", "us.anthropic.claude-x-v1:0")
    assert found.usage == Usage(input=9, output=4)


def test_on_vertex() -> None:
    url = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:rawPredict"
    found = call(url, {"anthropic_version": "vertex-2023-10-16", "messages": ASK["messages"]}, message({}))
    assert (found.provider, found.requested_model) == ("vertexai", "claude-x")


def test_fast_and_batch_have_prices_of_their_own() -> None:
    assert call(MESSAGES, ASK, message({"input_tokens": 1, "service_tier": "standard"})).service_tier is None
    assert call(MESSAGES, ASK, message({"input_tokens": 1, "service_tier": "batch"})).service_tier == "batch"
    assert call(MESSAGES, ASK, message({"input_tokens": 1, "speed": "fast"})).service_tier == "fast"


def test_its_first_format() -> None:
    request = {"model": "claude-2", "prompt": "\n\nHuman: hi", "max_tokens_to_sample": 9}
    whole = {"type": "completion", "completion": " Hello!", "stop_reason": "stop_sequence", "model": "claude-2.1"}
    pieces = [{**whole, "completion": " Hel", "stop_reason": None}, {"type": "ping"}, {**whole, "completion": "lo!"}]
    found = call("https://api.anthropic.com/v1/complete", request, whole)
    streamed = call("https://api.anthropic.com/v1/complete", request, sse(*pieces))
    assert (found.api, found.operation, found.usage, found.finish) == (
        "anthropic-text",
        "completion",
        None,
        "stop_sequence",
    )
    assert (streamed.answer_digest, streamed.model, streamed.error) == (found.answer_digest, "claude-2.1", None)
