"""Gemini, Bedrock, Cohere, Ollama, watsonx."""

from __future__ import annotations

from typing import Any

import pytest

from decode.exchanges import BEDROCK, GEMINI, body, call, chunk, frame, sse
from pytest_agentperf.model.call import ToolCall
from pytest_agentperf.model.usage import Usage

ASK_GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def candidate(*parts: dict[str, Any], usage: dict[str, Any] | None = None, finish: object = "STOP") -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}],
        "usageMetadata": usage or {},
        "modelVersion": "gemini-x",
    }


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            {
                "promptTokenCount": 75,
                "toolUsePromptTokenCount": 573,
                "candidatesTokenCount": 414,
                "thoughtsTokenCount": 117,
                "totalTokenCount": 1179,
            },
            Usage(input=648, output=531, reasoning=117),
            id="thoughts and what tools read stand apart",
        ),
        pytest.param(
            {"promptTokenCount": 5, "thoughtsTokenCount": 4, "totalTokenCount": 9},
            Usage(input=5, output=4, reasoning=4),
            id="thought only",
        ),
        pytest.param({"promptTokenCount": 14, "totalTokenCount": 14}, Usage(input=14, output=0), id="nothing came"),
        pytest.param(
            {
                "promptTokenCount": 214,
                "candidatesTokenCount": 17,
                "cachedContentTokenCount": 9,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 70},
                    {"modality": "AUDIO", "tokenCount": 144},
                ],
            },
            Usage(input=214, output=17, cache_read=9, audio_input=144),
            id="audio",
        ),
        pytest.param(
            {
                "promptTokenCount": 11,
                "candidatesTokenCount": 17,
                "trafficType": 1,
                "promptTokensDetails": [{"modality": 1, "tokenCount": 7}, {"modality": 4, "tokenCount": 4}],
            },
            Usage(input=11, output=17, audio_input=4),
            id="Vertex writes numbers for enums",
        ),
    ],
)
def test_gemini_usage(usage: dict[str, Any], expected: Usage) -> None:
    assert call(GEMINI, ASK_GEMINI, candidate({"text": "hi"}, usage=usage)).usage == expected


@pytest.mark.parametrize("array", [False, True])
def test_gemini_streams_count_from_the_start(array: bool) -> None:
    """With `alt=sse`, and without as one JSON array."""
    events = [
        candidate({"text": text}, usage={"promptTokenCount": 9, "candidatesTokenCount": n}, finish=finish)
        for n, text, finish in ((3, "one ", None), (6, "two ", None), (8, "three", "STOP"))
    ]
    url = GEMINI.replace(":generate", ":streamGenerate")
    found = call(url, ASK_GEMINI, body(events) if array else sse(*events))
    assert (found.streamed, found.usage, found.error) == (True, Usage(input=9, output=8), None)
    whole = call(GEMINI, ASK_GEMINI, candidate({"text": "one two three"}))
    assert (found.answer_digest, found.model) == (whole.answer_digest, "gemini-x")


def test_gemini_calls_tools_with_finish_stop_and_without_ids() -> None:
    found = call(
        GEMINI,
        ASK_GEMINI,
        candidate(
            {"text": "hm", "thought": True},
            {"functionCall": {"name": "f", "args": {"a": 1}}},
            {"executableCode": {"code": "1"}},
            finish=1,
        ),
    )
    assert found.tool_calls == (ToolCall(id=None, name="f", arguments='{"a":1}'),)
    assert (found.finish, found.server_tools, found.answer_digest) == ("1", ("code_execution",), "")


def test_gemini_requests_in_camel_case_and_with_underscores() -> None:
    parts = [{"functionResponse": {"id": "c1", "name": "f", "response": {"x": 1}}}]
    camel = {
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}],
        "contents": [{"role": "user", "parts": parts}],
    }
    snake = {
        "system_instruction": {"parts": [{"text": "be brief"}]},
        "tools": [{"function_declarations": [{"name": "f"}]}, {"google_search": {}}],
        "contents": [{"role": "user", "parts": [{"function_response": parts[0]["functionResponse"]}]}],
    }
    one, other = (call(GEMINI, request, candidate()).prompt for request in (camel, snake))
    assert (one.tools, other.tools) == (("f", "googleSearch"), ("f", "google_search"))
    assert one.system_digest == other.system_digest
    assert [r.call_id for r in one.results] == ["c1"]
    assert one.results == other.results


def test_gemini_refuses_a_prompt() -> None:
    refused = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
    }
    found = call(GEMINI, ASK_GEMINI, refused)
    assert (found.finish, found.usage, found.model) == ("SAFETY", Usage(input=3, output=0), "gemini-2.5-flash")


# Bedrock

ASK_CONVERSE = {
    "system": [{"text": "be brief"}, {"cachePoint": {"type": "default"}}],
    "messages": [
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t0", "content": [{"text": "42"}]}}]},
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {"type": "default"}}]},
}
CONVERSE = f"{BEDROCK}/us.amazon.nova-lite-v1%3A0/converse"


def test_converse() -> None:
    answer = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm"}}},
                    {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
                    {"toolUse": {"toolUseId": "t2", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {
            "inputTokens": 10,
            "outputTokens": 4,
            "totalTokens": 7373,
            "cacheWriteInputTokens": 7351,
            "cacheReadInputTokens": 8,
            "cacheDetails": [{"inputTokens": 7000, "ttl": "1h"}, {"inputTokens": 351, "ttl": "5m"}],
        },
    }
    found = call(CONVERSE, ASK_CONVERSE, answer)
    assert found.usage == Usage(input=7369, output=4, cache_read=8, cache_write=7351, cache_write_1h=7000)
    assert found.tool_calls == (ToolCall(id="t1", name="f", arguments='{"a":1}'),)
    assert found.server_tools == ("nova_grounding",)
    assert (found.prompt.tools, found.prompt.system_size) == (("f",), len('[{"text":"be brief"}]'))
    assert [r.call_id for r in found.prompt.results] == ["t0"]


def test_converse_streams_frames() -> None:
    frames = [
        frame("messageStart", {"role": "assistant"}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
        frame("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "f"}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"a":'}}}),
        frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "1}"}}}),
        frame("messageStop", {"stopReason": "tool_use"}),
        frame("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2}, "metrics": {"latencyMs": 5}}),
    ]
    found = call(f"{CONVERSE}-stream", ASK_CONVERSE, b"".join(frames))
    assert found.tool_calls == (ToolCall(id="t1", name="f", arguments='{"a":1}'),)
    assert (found.usage, found.streamed, found.error) == (Usage(input=3, output=2), True, None)
    cut = call(f"{CONVERSE}-stream", ASK_CONVERSE, b"".join(frames)[:-7])
    assert cut.error == "the stream was cut or damaged"
    thrown = frame("throttlingException", {"message": "slow down"}, kind="exception")
    assert call(f"{CONVERSE}-stream", ASK_CONVERSE, frames[0] + thrown).error == "throttlingException: slow down"


def test_nova_speaks_converse_under_invoke() -> None:
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 7, "outputTokens": 2, "cacheReadInputTokenCount": 5, "cacheWriteInputTokenCount": 0},
    }
    found = call(CONVERSE.replace("converse", "invoke"), ASK_CONVERSE, answer)
    assert found.usage == Usage(input=12, output=2, cache_read=5, cache_write=0)


@pytest.mark.parametrize(
    ("model", "request_body", "answer", "usage", "finish"),
    [
        (
            "amazon.titan-text",
            {"inputText": "hi"},
            {
                "inputTextTokenCount": 30,
                "results": [{"tokenCount": 29, "outputText": "hi", "completionReason": "FINISH"}],
            },
            Usage(input=30, output=29),
            "FINISH",
        ),
        (
            "meta.llama",
            {"prompt": "hi"},
            {"generation": "hi", "prompt_token_count": 8, "generation_token_count": 35, "stop_reason": "length"},
            Usage(input=8, output=35),
            "length",
        ),
        (
            "mistral.mistral",
            {"prompt": "hi"},
            {"outputs": [{"text": "hi", "stop_reason": "length"}]},
            Usage(input=6, output=10),
            "length",
        ),
        (
            "ai21.j2",
            {"prompt": "hi"},
            {"completions": [{"data": {"text": "hi"}, "finishReason": {"reason": "endoftext"}}]},
            Usage(input=6, output=10),
            None,
        ),
        (
            "cohere.command",
            {"message": "hi"},
            {"text": "hi", "generation_id": "g", "finish_reason": "COMPLETE"},
            Usage(input=6, output=10),
            "COMPLETE",
        ),
    ],
)
def test_invoked_models(
    model: str, request_body: dict[str, Any], answer: dict[str, Any], usage: Usage, finish: str | None
) -> None:
    """Their own count of tokens comes first, Bedrock's headers stand in."""
    headers = {"x-amzn-bedrock-input-token-count": "6", "x-amzn-bedrock-output-token-count": "10"}
    found = call(f"{BEDROCK}/{model}/invoke", request_body, answer, headers=headers)
    assert (found.provider, found.model, found.usage, found.finish) == ("bedrock", model, usage, finish)


def test_invoked_streams_end_with_what_bedrock_counted() -> None:
    metrics = {"inputTokenCount": 28, "outputTokenCount": 188, "cacheReadInputTokenCount": 2}
    pieces = [
        {"outputs": [{"text": "a", "stop_reason": None}]},
        {"outputs": [{"text": "b", "stop_reason": "stop"}], "amazon-bedrock-invocationMetrics": metrics},
    ]
    url = f"{BEDROCK}/mistral.mistral/invoke-with-response-stream"
    found = call(url, {"prompt": "hi"}, b"".join(chunk(piece) for piece in pieces))
    assert (found.usage, found.error) == (Usage(input=30, output=188, cache_read=2), None)


def test_a_guardrail_ends_a_stream() -> None:
    piece = {
        "outputText": "no",
        "inputTextTokenCount": 6.0,
        "totalOutputTextTokenCount": 3.0,
        "amazon-bedrock-guardrailAction": "INTERVENED",
    }
    found = call(f"{BEDROCK}/amazon.titan-text/invoke-with-response-stream", {"inputText": "hi"}, chunk(piece))
    assert (found.usage, found.finish, found.error) == (Usage(input=6, output=3), "INTERVENED", None)


# Cohere, Ollama, watsonx


def test_cohere_v2_counts_what_was_used_not_what_is_billed() -> None:
    answer = {
        "id": "c",
        "finish_reason": "TOOL_CALL",
        "message": {
            "role": "assistant",
            "tool_plan": "I look",
            "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        "usage": {
            "billed_units": {"input_tokens": 7, "output_tokens": 8},
            "tokens": {"input_tokens": 69, "output_tokens": 89, "reasoning_tokens": 9},
            "cached_tokens": 16,
        },
    }
    found = call(
        "https://api.cohere.com/v2/chat", {"model": "command", "messages": [{"role": "user", "content": "hi"}]}, answer
    )
    assert (found.api, found.model) == ("cohere-v2", "command")
    assert found.usage == Usage(input=69, output=89, cache_read=16, reasoning=9)
    assert found.tool_calls == (ToolCall(id="t1", name="f", arguments="{}"),)


def test_cohere_v2_streamed() -> None:
    def tool(part: dict[str, Any]) -> dict[str, Any]:
        return {"message": {"tool_calls": part}}

    events = [
        {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "hi"}}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I look"}}},
        {
            "type": "tool-call-start",
            "index": 1,
            "delta": tool({"id": "t1", "function": {"name": "f", "arguments": ""}}),
        },
        {"type": "tool-call-delta", "index": 1, "delta": tool({"function": {"arguments": '{"a":1}'}})},
        {
            "type": "message-end",
            "delta": {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 9, "output_tokens": 8}}},
        },
    ]
    request = {"model": "command", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    found = call("https://api.cohere.com/v2/chat", request, sse(*events))
    assert found.tool_calls == (ToolCall(id="t1", name="f", arguments='{"a":1}'),)
    assert (found.usage, found.finish, found.response_id) == (Usage(input=9, output=8), "TOOL_CALL", "c")


def test_cohere_v1() -> None:
    request = {
        "model": "command",
        "message": "hi",
        "preamble": "be brief",
        "tool_results": [{"call": {"name": "f"}, "outputs": []}],
    }
    whole = {
        "text": "hello",
        "generation_id": "g",
        "response_id": "r",
        "finish_reason": "COMPLETE",
        "tool_calls": [{"name": "f", "parameters": {"a": 1}}],
        "meta": {"tokens": {"input_tokens": 9, "output_tokens": 8}, "billed_units": {"input_tokens": 1}},
    }
    lines = [
        {"event_type": "stream-start", "generation_id": "g"},
        {"event_type": "text-generation", "text": "hello"},
        {"event_type": "stream-end", "is_finished": True, "finish_reason": "COMPLETE", "response": whole},
    ]
    found = call("https://api.cohere.com/v1/chat", request, whole)
    streamed = call("https://api.cohere.com/v1/chat", request, b"\n".join(body(line) for line in lines))
    for one in (found, streamed):
        assert (one.api, one.usage, one.finish) == ("cohere-v1", Usage(input=9, output=8), "COMPLETE")
        assert one.tool_calls == (ToolCall(id=None, name="f", arguments='{"a":1}'),)
        assert [r.call_id for r in one.prompt.results] == [None]
    assert found.answer_digest == streamed.answer_digest


OLLAMA = "http://127.0.0.1:11434/api/chat"


def test_ollama() -> None:
    request = {
        "model": "qwen3",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    }
    start = {"model": "qwen3", "created_at": "2026-01-01T00:00:00Z", "done": False}
    lines = [
        {**start, "message": {"role": "assistant", "content": "", "thinking": "hm"}},
        {**start, "message": {"content": "hi", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}},
        {
            **start,
            "message": {"content": ""},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 4,
            "eval_count": 5,
        },
    ]
    raw = b"\n".join(body(line) for line in lines)
    found = call(OLLAMA, request, raw, headers={"content-type": "application/x-ndjson"})
    assert (found.provider, found.streamed, found.usage) == ("ollama", True, Usage(input=4, output=5))
    assert (found.finish, found.tool_calls) == ("stop", (ToolCall(id=None, name="f", arguments='{"a":1}'),))
    assert [m.role for m in found.prompt.messages] == ["user"]
    assert call(OLLAMA, request, raw.rsplit(b"\n", 1)[0]).error == "the stream was cut before its end"


def test_ollama_does_not_count_a_prompt_that_it_still_knew() -> None:
    request = {"model": "llama3", "prompt": "hi", "system": "", "stream": False}
    answer = {"model": "llama3", "created_at": "2026-01-01", "response": "hello", "done": True, "eval_count": 38}
    found = call("http://127.0.0.1:11434/api/generate", request, answer)
    assert found.usage == Usage(output=38)
    assert found.prompt.system_size == 0


def test_watsonx_counts_the_input_in_the_first_event() -> None:
    def event(text: str, given: int, output: int, stop: str) -> dict[str, Any]:
        result = {
            "generated_text": text,
            "input_token_count": given,
            "generated_token_count": output,
            "stop_reason": stop,
        }
        return {"model_id": "google/flan", "results": [result]}

    url = "https://us-south.ml.cloud.ibm.com/ml/v1/text/generation_stream"
    events = [event("", 8, 0, "not_finished"), event("the", 0, 1, "not_finished"), event(" sun", 0, 2, "eos_token")]
    found = call(url, {"model_id": "google/flan", "input": "hi"}, sse(*events))
    assert (found.provider, found.model, found.usage, found.finish) == (
        "watsonx",
        "google/flan",
        Usage(input=8, output=2),
        "eos_token",
    )
