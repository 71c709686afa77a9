"""Ollama's own chat: https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion."""

from __future__ import annotations

import json

from server.answer import Answer, Json, content_text, cut

STREAM_TYPE = "application/x-ndjson"
CREATED = "2025-11-13T02:13:20.000000Z"


def whole(answer: Answer, request: Json, serial: int) -> Json:
    message: Json = {"role": "assistant", "content": answer.text}
    if answer.tools:
        message["tool_calls"] = _calls(answer)
    return _frame(request) | {"message": message} | _end(answer)


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    """Calls come whole, before the line that ends the answer."""
    messages: list[Json] = [{"role": "assistant", "content": piece} for piece in cut(answer.text, answer.pieces)]
    if answer.tools:
        messages.append({"role": "assistant", "content": "", "tool_calls": _calls(answer)})
    lines = [_frame(request) | {"message": message, "done": False} for message in messages]
    lines.append(_frame(request) | {"message": {"role": "assistant", "content": ""}} | _end(answer))
    return [_line(line) for line in lines]


def error(status: int, serial: int) -> Json:
    return {"error": {400: "missing request body", 404: "model 'x' not found"}.get(status, "internal server error")}


def error_event(serial: int) -> bytes:
    return _line({"error": "an error was encountered while running the model: unexpected EOF"})


def headers(answer: Answer, serial: int) -> list[tuple[str, str]]:
    return []


def prompt(request: Json) -> str:
    return content_text(request["messages"][-1].get("content"))


def _frame(request: Json) -> Json:
    return {"model": request["model"], "created_at": CREATED}


def _calls(answer: Answer) -> list[Json]:
    """Arguments are an object here, and not text."""
    return [{"function": {"name": tool.name, "arguments": tool.arguments}} for tool in answer.tools]


def _end(answer: Answer) -> Json:
    """The end of an answer; durations are nanoseconds."""
    first, rest = 1_000_000 * (answer.headers_after_ms + answer.first_byte_after_ms), 1_000_000
    return {
        "done": True,
        "done_reason": "stop",
        "total_duration": first + rest,
        "load_duration": 0,
        "prompt_eval_count": answer.input_tokens,
        "prompt_eval_duration": first,
        "eval_count": answer.output_tokens,
        "eval_duration": rest,
    }


def _line(data: Json) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"
