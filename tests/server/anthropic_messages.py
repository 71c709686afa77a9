"""Anthropic messages: https://docs.anthropic.com/en/api/messages."""

from __future__ import annotations

import json
from collections.abc import Iterator

from server.answer import EVENT_STREAM, Answer, Json, content_text, cut, identifier, sse

STREAM_TYPE = EVENT_STREAM
ERRORS = {
    400: ("invalid_request_error", "messages: at least one message is required"),
    401: ("authentication_error", "invalid x-api-key"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit"),
    529: ("overloaded_error", "Overloaded"),
}


def whole(answer: Answer, request: Json, serial: int) -> Json:
    return _message(answer, request, serial) | {
        "content": [block for _, block in _content(answer, serial)],
        "stop_reason": _stop(answer),
        "usage": _usage(answer, answer.output_tokens),
    }


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    return [_event(kind, data) for kind, data in _events(answer, request, serial)]


def error(status: int, serial: int) -> Json:
    kind, message = ERRORS.get(status, ("api_error", "Internal server error"))
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": _request_id(serial)}


def error_event(serial: int) -> bytes:
    return _event("error", error(529, serial))


def headers(answer: Answer, serial: int) -> list[tuple[str, str]]:
    return [
        ("request-id", _request_id(serial)),
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3999"),
    ]


def prompt(request: Json) -> str:
    return content_text(request["messages"][-1]["content"])


def _events(answer: Answer, request: Json, serial: int) -> Iterator[tuple[str, Json]]:
    start = _message(answer, request, serial) | {"content": [], "usage": _usage(answer, min(1, answer.output_tokens))}
    yield "message_start", {"message": start}
    for index, (pieces, block) in enumerate(_content(answer, serial)):
        empty: Json = {"text": ""} if block["type"] == "text" else {"input": {}}
        yield "content_block_start", {"index": index, "content_block": block | empty}
        if index == 0:
            yield "ping", {}
        for piece in pieces:
            delta = (
                {"type": "text_delta", "text": piece}
                if block["type"] == "text"
                else {"type": "input_json_delta", "partial_json": piece}
            )
            yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    stop = {"stop_reason": _stop(answer), "stop_sequence": None}
    yield "message_delta", {"delta": stop, "usage": _tokens(answer, answer.output_tokens)}
    yield "message_stop", {}


def _content(answer: Answer, serial: int) -> Iterator[tuple[list[str], Json]]:
    """The content blocks, each with the pieces that a stream gives it in."""
    if answer.text:
        yield cut(answer.text, answer.pieces), {"type": "text", "text": answer.text}
    for i, tool in enumerate(answer.tools):
        block = {
            "type": "tool_use",
            "id": identifier("toolu_", serial, i),
            "name": tool.name,
            "input": tool.arguments,
        }
        yield ["", *cut(json.dumps(tool.arguments), answer.pieces)], block


def _message(answer: Answer, request: Json, serial: int) -> Json:
    return {
        "id": identifier("msg_", serial),
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _stop(answer: Answer) -> str:
    return "tool_use" if answer.tools else "end_turn"


def _tokens(answer: Answer, output_tokens: int) -> Json:
    return {
        "input_tokens": answer.input_tokens - answer.cached_tokens - answer.cache_write_tokens,
        "cache_creation_input_tokens": answer.cache_write_tokens,
        "cache_read_input_tokens": answer.cached_tokens,
        "output_tokens": output_tokens,
    }


def _usage(answer: Answer, output_tokens: int) -> Json:
    return _tokens(answer, output_tokens) | {
        "cache_creation": {
            "ephemeral_5m_input_tokens": answer.cache_write_tokens,
            "ephemeral_1h_input_tokens": 0,
        },
        "service_tier": "standard",
    }


def _request_id(serial: int) -> str:
    return identifier("req_", serial)


def _event(kind: str, data: Json) -> bytes:
    return sse({"type": kind} | data, kind)
