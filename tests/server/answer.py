"""What the fake provider answers, whatever the wire format: texts and numbers, and how the transport treats them."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]

EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool call that the model asks for."""

    name: str
    arguments: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    text: str = ""
    tools: tuple[Tool, ...] = ()

    input_tokens: int = 100
    """All input, cache reads and writes included; a format that reports them apart subtracts."""
    output_tokens: int = 20
    """All output, reasoning included."""
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    pieces: int = 4
    """In a stream: the number of deltas that the text, and the arguments of each tool call, are cut into."""
    headers_after_ms: int = 0
    """Request read to status line."""
    first_byte_after_ms: int = 0
    """Status line to first byte of the body."""
    event_gap_ms: int = 0
    """In a stream: from each event (each one HTTP chunk) to the next."""
    end_after: threading.Event | None = None
    """In a stream: hold the last event back until then."""
    cut_after: int | None = None
    """Close the connection after so many events of a stream, or bytes of a whole body."""
    error_after: int | None = None
    """In a stream: after so many events comes the provider's error event, and the stream ends."""

    status: int = 200
    """Any other is answered with the provider's error body."""
    headers: tuple[tuple[str, str], ...] = ()
    """Added to those of the provider, `("retry-after", "1")` for example."""
    gzip: bool = False
    raw: bytes | None = None
    """The body as it is, for any path: traffic that is not an LLM call."""
    content_type: str = "application/json"
    """Of a `raw` body."""


class Format(Protocol):
    """A body factory, as a module: one wire format.

    `request` is the body and what the address says instead of it. `serial` differs for each request of a server;
    identifiers are made of it.
    """

    @property
    def STREAM_TYPE(self) -> str:
        """The content type of a streamed answer."""

    def whole(self, answer: Answer, request: Json, serial: int) -> Json:
        """The body of an answer that is not streamed."""

    def events(self, answer: Answer, request: Json, serial: int) -> list[bytes]:
        """The framed events of a streamed answer."""

    def error(self, status: int, serial: int) -> Json:
        """The body of an answer with this HTTP status."""

    def error_event(self, serial: int) -> bytes:
        """The framed event that tells an error in mid-stream."""

    def headers(self, answer: Answer, serial: int) -> list[tuple[str, str]]:
        """What the provider says in headers."""

    def prompt(self, request: Json) -> str:
        """The text of the last message of the user, or the last tool result."""


def identifier(prefix: str, *parts: object, length: int = 24) -> str:
    """The look of a provider's identifier; equal parts give equal identifiers."""
    return prefix + hashlib.sha256(repr(parts).encode()).hexdigest()[:length]


def cut(text: str, pieces: int) -> list[str]:
    """At most `pieces` parts of about equal length, none empty."""
    size = max(1, -(-len(text) // max(1, pieces)))
    return [text[i : i + size] for i in range(0, len(text), size)]


def sse(data: Json, name: str = "") -> bytes:
    """A server-sent event."""
    event = f"event: {name}\n" if name else ""
    return f"{event}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def content_text(content: Any) -> str:
    """The text of a message's content: a string, or the joined text parts of a list."""
    if isinstance(content, str):
        return content
    return "".join(content_text(part.get("text") or part.get("content") or "") for part in content or [])
