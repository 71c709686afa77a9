"""Cohere's chat, version 1: https://docs.cohere.com/v1/reference/chat."""

from __future__ import annotations

import json
from collections.abc import Iterator

from server import cohere_v2
from server.answer import Answer, Json, cut, identifier

STREAM_TYPE = "application/stream+json"

error = cohere_v2.error
headers = cohere_v2.headers


def whole(answer: Answer, request: Json, serial: int) -> Json:
    calls = [{"name": tool.name, "parameters": tool.arguments} for tool in answer.tools]
    return {
        "response_id": identifier("", serial, length=32),
        "text": answer.text,
        "generation_id": identifier("", "generation", serial, length=32),
        "chat_history": [{"role": "USER", "message": prompt(request)}, {"role": "CHATBOT", "message": answer.text}],
        "finish_reason": "COMPLETE",
        "meta": {"api_version": {"version": "1"}} | cohere_v2.usage(answer),
    } | ({"tool_calls": calls} if calls else {})


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    """One JSON value a line; the last holds the answer as it would have come whole."""
    return [_line(event) for event in _events(answer, whole(answer, request, serial))]


def error_event(serial: int) -> bytes:
    response = {"response_id": identifier("", serial, length=32), "text": ""}
    return _line({"is_finished": True, "event_type": "stream-end", "finish_reason": "ERROR", "response": response})


def prompt(request: Json) -> str:
    given: str = request.get("message") or json.dumps(request["tool_results"][-1]["outputs"])
    return given


def _events(answer: Answer, body: Json) -> Iterator[Json]:
    yield {"is_finished": False, "event_type": "stream-start", "generation_id": body["generation_id"]}
    for piece in cut(answer.text, answer.pieces):
        yield {"is_finished": False, "event_type": "text-generation", "text": piece}
    if answer.tools:
        calls = body["tool_calls"]
        yield {"is_finished": False, "event_type": "tool-calls-generation", "text": answer.text, "tool_calls": calls}
    yield {"is_finished": True, "event_type": "stream-end", "response": body, "finish_reason": body["finish_reason"]}


def _line(data: Json) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"
