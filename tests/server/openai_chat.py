"""OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

import json

from server.answer import EVENT_STREAM, Answer, Json, Tool, content_text, cut, identifier, sse

STREAM_TYPE = EVENT_STREAM
CREATED = 1_763_000_000
SNAPSHOTS = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
}
"""The dated model that answers for an alias."""


def whole(answer: Answer, request: Json, serial: int) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None, "refusal": None, "annotations": []}
    if answer.tools:
        message["tool_calls"] = [_tool_call(tool, serial, i) for i, tool in enumerate(answer.tools)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return _frame("chat.completion", request, serial) | {
        "choices": [choice],
        "usage": _usage(answer),
        "service_tier": "default",
    }


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    include_usage = (request.get("stream_options") or {}).get("include_usage", False)
    pending_usage = {"usage": None} if include_usage else {}

    def chunk(delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(_frame("chat.completion.chunk", request, serial) | {"choices": [choice]} | pending_usage)

    content = "" if answer.text or not answer.tools else None
    result = [chunk({"role": "assistant", "content": content, "refusal": None})]
    result += [chunk({"content": piece}) for piece in cut(answer.text, answer.pieces)]
    for i, tool in enumerate(answer.tools):
        call = _tool_call(tool, serial, i)
        function = call["function"]
        head = {"index": i, "id": call["id"], "type": "function", "function": function | {"arguments": ""}}
        result.append(chunk({"tool_calls": [head]}))
        for piece in cut(function["arguments"], answer.pieces):
            result.append(chunk({"tool_calls": [{"index": i, "function": {"arguments": piece}}]}))
    result.append(chunk({}, _finish(answer)))
    if include_usage:
        frame = _frame("chat.completion.chunk", request, serial)
        result.append(sse(frame | {"choices": [], "usage": _usage(answer)}))
    return [*result, b"data: [DONE]\n\n"]


def error(status: int, serial: int) -> Json:
    message, kind, code = {
        400: ("Invalid value for 'messages'.", "invalid_request_error", None),
        401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
        429: ("Rate limit reached. Please try again in 1s.", "tokens", "rate_limit_exceeded"),
    }.get(status, ("The server had an error while processing your request.", "server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def error_event(serial: int) -> bytes:
    return sse(error(500, serial))


def headers(answer: Answer, serial: int) -> list[tuple[str, str]]:
    return [
        ("x-request-id", identifier("req_", serial, length=32)),
        ("openai-processing-ms", str(answer.headers_after_ms)),
        ("openai-version", "2020-10-01"),
        ("openai-organization", "user-fake"),
    ]


def prompt(request: Json) -> str:
    return content_text(request["messages"][-1].get("content"))


def _frame(kind: str, request: Json, serial: int) -> Json:
    return {
        "id": identifier("chatcmpl-", serial, length=29),
        "object": kind,
        "created": CREATED,
        "model": SNAPSHOTS.get(request["model"], request["model"]),
        "system_fingerprint": "fp_0392822090",
    }


def _tool_call(tool: Tool, serial: int, index: int) -> Json:
    arguments = json.dumps(tool.arguments)
    call_id = identifier("call_", serial, index)
    return {"id": call_id, "type": "function", "function": {"name": tool.name, "arguments": arguments}}


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.tools else "stop"


def _usage(answer: Answer) -> Json:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": answer.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
