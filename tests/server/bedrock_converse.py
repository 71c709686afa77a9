"""Bedrock's converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.

Streams are binary: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from zlib import crc32

from server.answer import Answer, Json, cut, identifier

STREAM_TYPE = "application/vnd.amazon.eventstream"
ERRORS = {
    400: ("ValidationException", "The provided model identifier is invalid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
}
INTERNAL = ("InternalServerException", "The system encountered an unexpected error.")


def whole(answer: Answer, request: Json, serial: int) -> Json:
    content = [block for _, block in _content(answer, serial)]
    message = {"role": "assistant", "content": content}
    return {"output": {"message": message}, "stopReason": _stop(answer)} | _end(answer)


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    return [_frame({":event-type": kind, ":message-type": "event"}, data) for kind, data in _events(answer, serial)]


def error(status: int, serial: int) -> Json:
    return {"message": ERRORS.get(status, INTERNAL)[1]}


def error_event(serial: int) -> bytes:
    kind = {":exception-type": "modelStreamErrorException", ":message-type": "exception"}
    return _frame(kind, {"message": "The system encountered an unexpected error.", "originalStatusCode": 500})


def headers(answer: Answer, serial: int) -> list[tuple[str, str]]:
    """The kind of an error stands in a header."""
    kind = [] if answer.status == 200 else [("x-amzn-errortype", ERRORS.get(answer.status, INTERNAL)[0])]
    return [("x-amzn-requestid", identifier("", serial, length=32)), *kind]


def prompt(request: Json) -> str:
    return "".join(map(_text, request["messages"][-1]["content"]))


def _text(block: Json) -> str:
    if "toolResult" in block:
        return "".join(part.get("text") or json.dumps(part["json"]) for part in block["toolResult"]["content"])
    text: str = block["text"]
    return text


def _events(answer: Answer, serial: int) -> Iterator[tuple[str, Json]]:
    yield "messageStart", {"role": "assistant"}
    for index, (pieces, block) in enumerate(_content(answer, serial)):
        place = {"contentBlockIndex": index}
        if call := block.get("toolUse"):
            start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
            yield "contentBlockStart", place | {"start": start}
        for piece in pieces:
            yield "contentBlockDelta", place | {"delta": {"toolUse": {"input": piece}} if call else {"text": piece}}
        yield "contentBlockStop", place
    yield "messageStop", {"stopReason": _stop(answer)}
    yield "metadata", _end(answer)


def _content(answer: Answer, serial: int) -> Iterator[tuple[list[str], Json]]:
    """The content blocks, each with the pieces that a stream gives it in."""
    if answer.text:
        yield cut(answer.text, answer.pieces), {"text": answer.text}
    for i, tool in enumerate(answer.tools):
        call = {"toolUseId": identifier("tooluse_", serial, i), "name": tool.name, "input": tool.arguments}
        yield cut(json.dumps(tool.arguments), answer.pieces), {"toolUse": call}


def _stop(answer: Answer) -> str:
    return "tool_use" if answer.tools else "end_turn"


def _end(answer: Answer) -> Json:
    """`inputTokens` leaves out what the cache served or took."""
    usage = {
        "inputTokens": answer.input_tokens - answer.cached_tokens - answer.cache_write_tokens,
        "outputTokens": answer.output_tokens,
        "totalTokens": answer.input_tokens + answer.output_tokens,
        "cacheReadInputTokens": answer.cached_tokens,
        "cacheWriteInputTokens": answer.cache_write_tokens,
    }
    return {"usage": usage, "metrics": {"latencyMs": answer.headers_after_ms + answer.first_byte_after_ms}}


def _frame(headers: dict[str, str], data: Json) -> bytes:
    """One message: prelude and its CRC, headers of type text (7), content, CRC of all before it."""
    named = headers | {":content-type": "application/json"}
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in named.items()
    )
    body = json.dumps(data, separators=(",", ":")).encode()
    prelude = struct.pack(">II", 16 + len(head) + len(body), len(head))
    message = prelude + struct.pack(">I", crc32(prelude)) + head + body
    return message + struct.pack(">I", crc32(message))
