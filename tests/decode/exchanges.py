"""Exchanges for the tests of decoding: written by hand, or recorded ones from `golden/`."""

from __future__ import annotations

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.exchange import Exchange, Origin, Request, Response, Timing

GOLDEN = Path(__file__).parent / "golden"

CHAT = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
MESSAGES = "https://api.anthropic.com/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"


def body(content: object) -> bytes:
    """Bytes stand for themselves, everything else becomes JSON."""
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def exchange(
    url: str,
    request: object,
    answer: object = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    error: str | None = None,
) -> Exchange:
    """Without an answer, the exchange is one that nobody answered (yet)."""
    response = Response(status=status, headers=tuple((headers or {}).items()), body=body(answer))
    return Exchange(
        index=0,
        request=Request(method="POST", url=url, body=body(request)),
        response=None if answer is None else response,
        start_ns=0,
        first_byte_ns=None,
        end_ns=None,
        origin=Origin.REPLAYED,
        timing=Timing.UNKNOWN,
        error=error,
    )


def call(url: str, request: object, answer: object = None, **rest: Any) -> ModelCall:
    """The call that an exchange must be read as."""
    reading = decode(exchange(url, request, answer, **rest))
    assert reading is not None
    return reading.call


def sse(*events: object, done: bool = False) -> bytes:
    lines = [b"data: " + body(event) + b"\n\n" for event in events]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def frame(name: str, content: object, *, kind: str = "event") -> bytes:
    """A message of an AWS event stream."""
    texts = {":event-type" if kind == "event" else ":exception-type": name, ":message-type": kind}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in texts.items()
    )
    payload = body(content)
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def chunk(content: object) -> bytes:
    """A piece of an invoked model's stream."""
    return frame("chunk", {"bytes": b64encode(body(content)).decode()})


def golden(name: str) -> list[Exchange]:
    return [
        exchange(
            found["url"],
            found["request"].encode(),
            b64decode(found["answer_base64"]) if "answer_base64" in found else found["answer"].encode(),
            status=found["status"],
            headers=dict(found["headers"]),
        )
        for found in json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    ]
