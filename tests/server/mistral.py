"""Mistral's chat completions: https://docs.mistral.ai/api/. Close to OpenAI's, and different where bodies are read."""

from __future__ import annotations

import json

from server.answer import EVENT_STREAM, Answer, Json, Tool, content_text, cut, identifier, sse

STREAM_TYPE = EVENT_STREAM
CREATED = 1_763_000_000
ERRORS = {
    401: ("Unauthorized", "unauthorized"),
    422: ("Input should be a valid list", "invalid_request_error"),
    429: ("Rate limit exceeded", "rate_limited"),
}


def whole(answer: Answer, request: Json, serial: int) -> Json:
    message: Json = {"role": "assistant", "content": answer.text, "tool_calls": _calls(answer, serial) or None}
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer)}
    return _frame("chat.completion", request, serial) | {"choices": [choice], "usage": _usage(answer)}


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    """A call comes whole, without its `type`; usage comes unasked, with the last choice."""

    def chunk(delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _frame("chat.completion.chunk", request, serial) | {"choices": [choice]}

    result = [chunk({"role": "assistant", "content": ""})]
    result += [chunk({"content": piece}) for piece in cut(answer.text, answer.pieces)]
    end: Json = {"content": ""}
    if answer.tools:
        end["tool_calls"] = _calls(answer, serial)
    result.append(chunk(end, _finish(answer)) | {"usage": _usage(answer)})
    return [*map(sse, result), b"data: [DONE]\n\n"]


def error(status: int, serial: int) -> Json:
    message, kind = ERRORS.get(status, ("Service unavailable.", "internal_server_error"))
    return {"object": "error", "message": message, "type": kind, "param": None, "code": "3000"}


def error_event(serial: int) -> bytes:
    return sse(error(500, serial))


def headers(answer: Answer, serial: int) -> list[tuple[str, str]]:
    return [
        ("mistral-correlation-id", identifier("", serial, length=32)),
        ("x-kong-upstream-latency", str(answer.headers_after_ms)),
        ("x-kong-proxy-latency", "0"),
    ]


def prompt(request: Json) -> str:
    return content_text(request["messages"][-1].get("content"))


def _frame(kind: str, request: Json, serial: int) -> Json:
    return {"id": identifier("", serial, length=32), "object": kind, "created": CREATED, "model": request["model"]}


def _calls(answer: Answer, serial: int) -> list[Json]:
    return [_call(tool, serial, i) for i, tool in enumerate(answer.tools)]


def _call(tool: Tool, serial: int, index: int) -> Json:
    function = {"name": tool.name, "arguments": json.dumps(tool.arguments)}
    return {"id": identifier("", serial, index, length=9), "function": function, "index": index}


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.tools else "stop"


def _usage(answer: Answer) -> Json:
    usage: Json = {
        "prompt_tokens": answer.input_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "completion_tokens": answer.output_tokens,
        "num_cached_tokens": answer.cached_tokens,
    }
    if answer.reasoning_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": answer.reasoning_tokens}
    return usage
