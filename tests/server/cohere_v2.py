"""Cohere's chat, version 2: https://docs.cohere.com/reference/chat and .../chat-stream."""

from __future__ import annotations

import json
from collections.abc import Iterator

from server.answer import EVENT_STREAM, Answer, Json, Tool, content_text, cut, identifier, sse

STREAM_TYPE = EVENT_STREAM


def whole(answer: Answer, request: Json, serial: int) -> Json:
    message: Json = {"role": "assistant"}
    if answer.text:
        message["content"] = [{"type": "text", "text": answer.text}]
    if answer.tools:
        message["tool_calls"] = [_call(tool, serial, i) for i, tool in enumerate(answer.tools)]
    return {"id": _id(serial), "message": message} | _end(answer)


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    return [*(sse(event, event["type"]) for event in _events(answer, serial)), b"data: [DONE]\n\n"]


def error(status: int, serial: int) -> Json:
    message = {
        400: "invalid request: message must be at least 1 token long",
        401: "invalid api token",
        429: "You are using a Trial key, which is limited to 20 API calls / minute.",
    }.get(status, "internal server error")
    return {"id": _id(serial), "message": message}


def error_event(serial: int) -> bytes:
    event = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "internal server error"}}
    return sse(event, "message-end")


def headers(answer: Answer, serial: int) -> list[tuple[str, str]]:
    return [
        ("x-debug-trace-id", identifier("", serial, length=32)),
        ("x-envoy-upstream-service-time", str(answer.headers_after_ms)),
    ]


def prompt(request: Json) -> str:
    return content_text(request["messages"][-1].get("content"))


def _events(answer: Answer, serial: int) -> Iterator[Json]:
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"id": _id(serial), "type": "message-start", "delta": {"message": start}}
    if answer.text:
        yield _part("content-start", 0, {"content": {"type": "text", "text": ""}})
        for piece in cut(answer.text, answer.pieces):
            yield _part("content-delta", 0, {"content": {"text": piece}})
        yield {"type": "content-end", "index": 0}
    for i, tool in enumerate(answer.tools):
        call = _call(tool, serial, i)
        yield _part("tool-call-start", i, {"tool_calls": call | {"function": {"name": tool.name, "arguments": ""}}})
        for piece in cut(call["function"]["arguments"], answer.pieces):
            yield _part("tool-call-delta", i, {"tool_calls": {"function": {"arguments": piece}}})
        yield {"type": "tool-call-end", "index": i}
    yield {"type": "message-end", "delta": _end(answer)}


def _part(kind: str, index: int, message: Json) -> Json:
    return {"type": kind, "index": index, "delta": {"message": message}}


def _call(tool: Tool, serial: int, index: int) -> Json:
    function = {"name": tool.name, "arguments": json.dumps(tool.arguments)}
    return {"id": identifier(f"{tool.name}_", serial, index, length=12), "type": "function", "function": function}


def _end(answer: Answer) -> Json:
    return {"finish_reason": "TOOL_CALL" if answer.tools else "COMPLETE", "usage": usage(answer)}


def usage(answer: Answer) -> Json:
    """Billed are fewer tokens than the model read: those of the provider's own prompt are free."""
    read = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    billed = {"input_tokens": answer.input_tokens // 2, "output_tokens": answer.output_tokens // 2}
    return {"billed_units": billed, "tokens": read, "cached_tokens": answer.cached_tokens}


def _id(serial: int) -> str:
    return identifier("", serial, length=32)
