"""OpenAI responses: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

import json
from collections.abc import Iterator

from server import openai_chat
from server.answer import EVENT_STREAM, Answer, Json, content_text, cut, identifier, sse

STREAM_TYPE = EVENT_STREAM

headers = openai_chat.headers
error = openai_chat.error


def whole(answer: Answer, request: Json, serial: int) -> Json:
    output = [item for _, item in _output(answer, serial)]
    return _response(request, serial, "completed", output=output, usage=_usage(answer))


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    return [_event(kind, number, data) for number, (kind, data) in enumerate(_events(answer, request, serial))]


def error_event(serial: int) -> bytes:
    return _event("error", 0, {"code": "server_error", "message": "The server had an error.", "param": None})


def prompt(request: Json) -> str:
    given = request["input"]
    if isinstance(given, str):
        return given
    return content_text(given[-1].get("content") or given[-1].get("output"))


def _events(answer: Answer, request: Json, serial: int) -> Iterator[tuple[str, Json]]:
    yield "response.created", {"response": _response(request, serial, "in_progress")}
    yield "response.in_progress", {"response": _response(request, serial, "in_progress")}
    for index, (pieces, item) in enumerate(_output(answer, serial)):
        place = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            yield from _message_events(pieces, item, place)
        elif item["type"] == "function_call":
            started = item | {"arguments": "", "status": "in_progress"}
            yield "response.output_item.added", {"output_index": index, "item": started}
            for piece in pieces:
                yield "response.function_call_arguments.delta", place | {"delta": piece}
            yield "response.function_call_arguments.done", place | {"arguments": item["arguments"]}
        else:
            yield "response.output_item.added", {"output_index": index, "item": item}
        yield "response.output_item.done", {"output_index": index, "item": item}
    output = [item for _, item in _output(answer, serial)]
    final = _response(request, serial, "completed", output=output, usage=_usage(answer))
    yield "response.completed", {"response": final}


def _message_events(pieces: list[str], item: Json, place: Json) -> Iterator[tuple[str, Json]]:
    part = item["content"][0]
    within = place | {"content_index": 0}
    started = item | {"content": [], "status": "in_progress"}
    yield "response.output_item.added", {"output_index": place["output_index"], "item": started}
    yield "response.content_part.added", within | {"part": part | {"text": ""}}
    for piece in pieces:
        yield "response.output_text.delta", within | {"delta": piece, "logprobs": []}
    yield "response.output_text.done", within | {"text": part["text"], "logprobs": []}
    yield "response.content_part.done", within | {"part": part}


def _output(answer: Answer, serial: int) -> Iterator[tuple[list[str], Json]]:
    """The output items, each with the pieces that a stream gives it in."""
    if answer.reasoning_tokens:
        yield [], {"id": identifier("rs_", serial, length=50), "type": "reasoning", "summary": []}
    if answer.text:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
        yield (
            cut(answer.text, answer.pieces),
            {
                "id": identifier("msg_", serial, length=50),
                "type": "message",
                "status": "completed",
                "content": [part],
                "role": "assistant",
            },
        )
    for i, tool in enumerate(answer.tools):
        arguments = json.dumps(tool.arguments)
        yield (
            cut(arguments, answer.pieces),
            {
                "id": identifier("fc_", serial, i, length=50),
                "type": "function_call",
                "status": "completed",
                "arguments": arguments,
                "call_id": identifier("call_", serial, i),
                "name": tool.name,
            },
        )


def _response(
    request: Json, serial: int, status: str, *, output: list[Json] | None = None, usage: Json | None = None
) -> Json:
    return {
        "id": identifier("resp_", serial, length=50),
        "object": "response",
        "created_at": openai_chat.CREATED,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": openai_chat.SNAPSHOTS.get(request["model"], request["model"]),
        "output": output or [],
        "parallel_tool_calls": request.get("parallel_tool_calls", True),
        "previous_response_id": request.get("previous_response_id"),
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": request.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools", []),
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": {},
    }


def _usage(answer: Answer) -> Json:
    return {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": answer.cached_tokens},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }


def _event(kind: str, number: int, data: Json) -> bytes:
    return sse({"type": kind, "sequence_number": number, **data}, kind)
