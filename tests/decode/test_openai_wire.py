"""OpenAI's formats, and what those who speak them do otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from decode.exchanges import CHAT, RESPONSES, call, sse
from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.usage import Usage

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def chat(usage: dict[str, Any], **message: Any) -> dict[str, Any]:
    return {
        "object": "chat.completion",
        "model": "m-1",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hi", **message}, "finish_reason": "stop"}
        ],
        "usage": usage,
    }


def usage_of(usage: dict[str, Any]) -> Usage:
    found = call(CHAT, ASK, chat(usage)).usage
    assert found is not None
    return found


def delta(content: dict[str, Any], finish: str | None = None, **event: Any) -> dict[str, Any]:
    return {
        "object": "chat.completion.chunk",
        "model": "m-1",
        "choices": [{"index": 0, "delta": content, "finish_reason": finish}],
        **event,
    }


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 161}},
            Usage(input=171, output=5, cache_read=161),
            id="Grok on Azure leaves cached tokens out",
        ),
        pytest.param(
            {
                "prompt_tokens": 205,
                "completion_tokens": 18,
                "total_tokens": 223,
                "num_sources_used": 0,
                "prompt_tokens_details": {"text_tokens": 205, "cached_tokens": 159},
            },
            Usage(input=364, output=18, cache_read=159),
            id="Grok on Azure with fewer cached than prompt tokens",
        ),
        pytest.param(
            {"prompt_tokens": 64, "completion_tokens": 6, "num_cached_tokens": 32},
            Usage(input=64, output=6, cache_read=32),
            id="Mistral's num_cached_tokens",
        ),
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 8, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5},
            Usage(input=9, output=8, cache_read=4),
            id="DeepSeek's hits are inside of the prompt",
        ),
        pytest.param(
            {"prompt_tokens": 46, "completion_tokens": 42, "total_tokens": 88, "cached_tokens": 7},
            Usage(input=46, output=42, cache_read=7),
            id="Together counts at the top level",
        ),
        pytest.param(
            {
                "prompt_tokens": 46,
                "completion_tokens": 2,
                "cache_read_input_tokens": 7,
                "cache_creation_input_tokens": 3,
            },
            Usage(input=46, output=2, cache_read=7, cache_write=3),
            id="Databricks counts at the top level",
        ),
        pytest.param(
            {"prompt_tokens": 40, "completion_tokens": 300, "prompt_token_details": {"cached_tokens": 8}},
            Usage(input=40, output=300, cache_read=8),
            id="Writer's details in the singular",
        ),
        pytest.param(
            {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109},
            Usage(input=35, output=74, reasoning=62),
            id="Gemini hides its thinking in the total",
        ),
        pytest.param(
            {
                "prompt_tokens": 37,
                "completion_tokens": 530,
                "total_tokens": 800,
                "completion_tokens_details": {"reasoning_tokens": 233},
            },
            Usage(input=37, output=763, reasoning=233),
            id="xAI's chat counts reasoning beside the answer",
        ),
        pytest.param(
            {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 405, "prompt_audio_seconds": 30},
            Usage(input=395, output=10),
            id="Mistral counts heard audio in the total only",
        ),
        pytest.param(
            {"prompt_tokens": 8.0, "completion_tokens": "no", "completion_tokens_details": None},
            Usage(input=8),
            id="half a usage",
        ),
    ],
)
def test_usage(usage: dict[str, Any], expected: Usage) -> None:
    assert usage_of(usage) == expected


def test_no_usage_is_unknown_not_zero() -> None:
    assert call(CHAT, ASK, chat({})).usage is None


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"cost": 5.952e-05, "is_byok": False}, "0.00005952"),  # OpenRouter
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0003253}}, "0.0003253"),
        ({"cost": {"total_cost": 0.00507}}, "0.00507"),  # Perplexity
        ({"cost_in_usd_ticks": 6306000}, "0.0006306"),  # xAI
        ({"cost_in_usd_ticks": 0}, None),  # xAI's models on Azure
        ({}, None),
    ],
)
def test_stated_cost(usage: dict[str, Any], cost: str | None) -> None:
    found = call(CHAT, ASK, chat({"prompt_tokens": 1, "completion_tokens": 1, **usage}))
    assert found.wire_cost == cost


def test_last_usage_of_a_stream_holds() -> None:
    """Perplexity and Databricks repeat it, counted from the start."""
    events = [delta({"content": "a"}, usage={"prompt_tokens": 5, "completion_tokens": n}) for n in (1, 2)]
    found = call(
        CHAT, ASK, sse(*events, delta({}, "stop", usage={"prompt_tokens": 5, "completion_tokens": 3}), done=True)
    )
    assert found.usage == Usage(input=5, output=3)


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}},  # OpenAI, Azure
        delta({}, x_groq={"id": "req", "usage": {"prompt_tokens": 5, "completion_tokens": 3}}),
        {"choices": [{"index": 0, "delta": {}, "usage": {"prompt_tokens": 5, "completion_tokens": 3}}]},  # Moonshot
    ],
)
def test_usage_in_the_last_chunk(last: dict[str, Any]) -> None:
    found = call(CHAT, ASK, sse(delta({"content": "hi"}), delta({}, "stop"), last, done=True))
    assert found.usage == Usage(input=5, output=3)
    assert found.error is None


def tool_deltas(*calls: dict[str, Any]) -> ModelCall:
    events = [delta({"tool_calls": [one]}) for one in calls]
    return call(CHAT, ASK, sse(*events, delta({}, "stop"), done=True))


def test_tool_calls_are_counted_though_the_finish_is_stop() -> None:
    found = call(CHAT, ASK, chat({}, tool_calls=[{"id": "a", "function": {"name": "f", "arguments": "{}"}}]))
    assert (found.finish, found.tool_calls) == ("stop", (ToolCall(id="a", name="f", arguments="{}"),))


def test_deltas_go_to_their_index() -> None:
    found = tool_deltas(
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"x":'}},
        {"index": 1, "function": {"arguments": "{}"}},
        {"index": 0, "function": {"arguments": "1}"}},
    )
    assert found.tool_calls == (
        ToolCall(id="a", name="f", arguments='{"x":1}'),
        ToolCall(id="b", name="g", arguments="{}"),
    )


@pytest.mark.parametrize("index", [None, 0])  # Mistral leaves it out; Gemini sends 0 for each
def test_calls_without_an_index_of_their_own(index: int | None) -> None:
    place = {} if index is None else {"index": index}
    found = tool_deltas(
        {**place, "id": "a", "function": {"name": "f", "arguments": "{}"}},
        {**place, "id": "b", "function": {"name": "g", "arguments": "{}"}},
    )
    assert [tool.name for tool in found.tool_calls] == ["f", "g"]


def test_a_call_without_a_name_is_none() -> None:
    """Snowflake sends one beside each real one."""
    calls = [
        {"id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "", "function": {"name": "", "arguments": ""}},
    ]
    assert [tool.name for tool in call(CHAT, ASK, chat({}, tool_calls=calls)).tool_calls] == ["f"]


def test_legacy_function_call() -> None:
    found = call(CHAT, ASK, chat({}, function_call={"name": "f", "arguments": '{"a":1}'}))
    assert found.tool_calls == (ToolCall(id=None, name="f", arguments='{"a":1}'),)
    streamed = call(
        CHAT,
        ASK,
        sse(
            delta({"function_call": {"name": "f", "arguments": ""}}),
            delta({"function_call": {"arguments": "{}"}}, "function_call"),
        ),
    )
    assert streamed.tool_calls == (ToolCall(id=None, name="f", arguments="{}"),)


def test_custom_tools_and_executed_tools() -> None:
    found = call(
        CHAT,
        ASK,
        chat(
            {},
            tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}],
            executed_tools=[{"type": "search"}],
        ),
    )
    assert found.tool_calls == (ToolCall(id="c", name="sql", arguments="select 1"),)
    assert found.server_tools == ("search",)


def test_several_choices_and_blocks_of_content() -> None:
    found = call(
        CHAT, ASK, sse(delta({"content": [{"type": "text", "text": "he"}]}), delta({"content": "llo"}, "stop"))
    )
    assert found.answer_digest == call(CHAT, ASK, chat({}, content="hello")).answer_digest


def test_parallel_tools_tier_and_azure_deployment() -> None:
    url = "https://x.openai.azure.com/openai/deployments/mine/chat/completions"
    request = {"messages": ASK["messages"], "parallel_tool_calls": False}
    found = call(url, request, {**chat({}), "service_tier": "flex", "model": ""})
    assert (found.provider, found.requested_model, found.model) == ("azure", "mine", "mine")
    assert (found.prompt.parallel_tools, found.service_tier) == (False, "flex")


def test_a_filtered_choice_has_no_message() -> None:
    answer = {"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "content_filter"}]}
    assert call(CHAT, ASK, answer).finish == "content_filter"


# Responses

ASK_RESPONSES = {"model": "m", "input": "hi", "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]}


def response(*output: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"object": "response", "id": "resp_1", "model": "m-1", "status": "completed", "output": list(output), **rest}


def test_client_and_server_tools() -> None:
    found = call(
        RESPONSES,
        ASK_RESPONSES,
        response(
            {"type": "web_search_call", "id": "ws"},
            {"type": "mcp_call", "name": "ask_docs"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "sql", "input": "select 1"},
            {"type": "local_shell_call", "call_id": "c3", "action": {"command": ["ls"]}},
            {"type": "shell_call", "call_id": "c4", "action": {}},
            {"type": "shell_call_output", "call_id": "c4", "output": []},
            {"type": "tool_search_call", "call_id": "c5", "execution": "client"},
            {"type": "message", "content": [{"type": "output_text", "text": "done"}]},
        ),
    )
    assert [(tool.id, tool.name, tool.arguments) for tool in found.tool_calls] == [
        ("c1", "f", "{}"),
        ("c2", "sql", "select 1"),
        ("c3", "local_shell", '{"command":["ls"]}'),
    ]
    assert found.server_tools == ("web_search", "ask_docs", "shell")
    assert found.prompt.tools == ("f", "web_search")


@pytest.mark.parametrize("end", ["response.completed", "response.incomplete", "response.failed"])
def test_the_last_event_tells_all(end: str) -> None:
    usage = {
        "input_tokens": 7,
        "output_tokens": 3,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
    }
    whole = response(usage=usage, status=end.removeprefix("response."))
    created = {"type": "response.created", "response": {**whole, "usage": None, "status": "in_progress"}}
    found = call(RESPONSES, ASK_RESPONSES, sse(created, {"type": end, "response": whole}))
    assert found.usage == Usage(input=7, output=3, cache_read=2, cache_write=1)
    assert (found.finish, found.error) == (end.removeprefix("response."), None)


def test_items_stand_in_for_an_output_that_is_left_out() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    events = [
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": response()},
    ]
    assert [tool.name for tool in call(RESPONSES, ASK_RESPONSES, sse(*events)).tool_calls] == ["f"]


def test_a_failed_response_says_why() -> None:
    failed = response(status="failed", error={"code": "server_error", "message": "sorry"})
    assert call(RESPONSES, ASK_RESPONSES, failed).error == "server_error: sorry"


def test_a_text_and_a_message_are_the_same_input() -> None:
    given = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}]
    one, other = (call(RESPONSES, {"model": "m", "input": i}, response()).prompt for i in ("hi", given))
    assert one.messages == other.messages


def test_what_a_request_continues() -> None:
    request = {
        "model": "m",
        "instructions": "be brief",
        "previous_response_id": "resp_0",
        "parallel_tool_calls": True,
        "input": [
            {"role": "developer", "content": "no"},
            {"type": "function_call_output", "call_id": "c1", "output": "42"},
        ],
    }
    prompt = call(RESPONSES, request, response()).prompt
    assert (prompt.previous_id, prompt.parallel_tools) == ("resp_0", True)
    assert prompt.system_size == len('["be brief","no"]')
    assert [result.call_id for result in prompt.results] == ["c1"]
    assert [message.role for message in prompt.messages] == ["function_call_output"]


# Completions and embeddings


def test_completions() -> None:
    url = "http://localhost:8000/v1/completions"
    request = {"model": "m", "prompt": "once"}
    answer = {
        "object": "text_completion",
        "choices": [{"text": " upon", "finish_reason": "length"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    found = call(url, request, answer)
    assert (found.api, found.operation, found.provider) == ("openai-completions", "completion", "unknown")
    assert (found.usage, found.finish) == (Usage(input=1, output=2), "length")
    streamed = call(
        url, request, sse({"choices": [{"text": " up"}]}, {"choices": [{"text": "on", "finish_reason": "stop"}]})
    )
    assert (streamed.usage, streamed.answer_digest) == (None, found.answer_digest)


def test_writer_streams_bare_values() -> None:
    request = {"model": "palmyra", "prompt": "joke", "stream": True}
    found = call("https://api.writer.com/v1/completions", request, sse({"value": "Why"}, {"value": "?"}))
    assert (found.provider, found.model, found.streamed, found.error) == ("writer", "palmyra", True, None)


@pytest.mark.parametrize(
    ("url", "request_body", "answer", "tokens"),
    [
        (
            "https://api.openai.com/v1/embeddings",
            {"model": "e", "input": "x"},
            {"data": [{"object": "embedding", "embedding": [0.1]}], "usage": {"prompt_tokens": 5, "total_tokens": 5}},
            5,
        ),
        (
            "https://api.voyageai.com/v1/embeddings",
            {"model": "e", "input": ["x"]},
            {"data": [{"object": "embedding"}], "usage": {"total_tokens": 4}},
            4,
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/e:batchEmbedContents",
            {"requests": [{"content": {"parts": [{"text": "x"}]}}]},
            {"embeddings": [{"values": [0.1]}], "usageMetadata": {"promptTokenCount": 3}},
            3,
        ),
        (
            "https://us-aiplatform.googleapis.com/v1/publishers/google/models/text-embedding-005:predict",
            {"instances": [{"content": "x"}]},
            {"predictions": [{"embeddings": {"values": [0.1], "statistics": {"token_count": 2}}}] * 2},
            4,
        ),
        (
            "https://api.cohere.com/v2/embed",
            {"texts": ["x"]},
            {"embeddings": {"float": [[0.1]]}, "meta": {"billed_units": {"input_tokens": 6}}},
            6,
        ),
        (
            "http://localhost:11434/api/embed",
            {"model": "e", "input": "x"},
            {"embeddings": [[0.1]], "prompt_eval_count": 2},
            2,
        ),
        (
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan-embed-text-v2%3A0/invoke",
            {"inputText": "x"},
            {"embedding": [0.1], "inputTextTokenCount": 8},
            8,
        ),
    ],
)
def test_embeddings(url: str, request_body: dict[str, Any], answer: dict[str, Any], tokens: int) -> None:
    found = call(url, request_body, answer)
    assert (found.operation, found.usage) == ("embedding", Usage(input=tokens, output=0))
