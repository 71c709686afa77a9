"""The body of an answer as JSON, whatever framing it came in."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from pytest_agentperf.decode import stream
from pytest_agentperf.decode.json_ import obj, objs, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of an answer, its framing undone."""

    answer: dict[str, Any] = field(default_factory=dict)
    """Where it is one JSON object."""
    events: tuple[dict[str, Any], ...] = ()
    """Where it is a stream of them."""
    done: bool = False
    """A stream ended with OpenAI's `[DONE]`."""
    broken: str = ""
    """What is wrong with the bytes, as a clause; empty where nothing is."""

    @property
    def sample(self) -> tuple[dict[str, Any], ...]:
        """Enough of it to know its format."""
        return (self.answer,) if self.answer else self.events[:8]


def open_body(body: bytes) -> Body:
    """Told by what the body begins with: content types are often wrong, and recorders drop them."""
    if not body.strip():
        return Body(broken="the answer has no body")
    if stream.is_event_stream(body):
        frames, whole = stream.event_stream(body)
        events = tuple(event for frame in frames if (event := _frame_event(frame)))
        return Body(events=events, broken="" if whole else "the stream was cut or damaged")
    if stream.is_sse(body):
        return _sse(body)
    if body.lstrip()[:1] not in (b"{", b"["):
        return Body()
    value = parse(body)
    if isinstance(value, dict):
        return Body(answer=value)
    if isinstance(value, list):
        return Body(events=tuple(objs(value)))
    lines, whole = stream.ndjson(body)
    if lines:
        return Body(events=tuple(objs(lines)), broken="" if whole else "the stream was cut")
    return Body(broken="the answer is no valid JSON (cut?)")


def _sse(body: bytes) -> Body:
    events: list[dict[str, Any]] = []
    done, broken = False, ""
    for name, data in stream.sse(body):
        value = None if data == "[DONE]" else parse(data)
        if isinstance(value, dict):
            events.append({"error": value} if name == "error" and "error" not in value else value)
        elif data == "[DONE]":
            done = True
        elif data and value is None:
            broken = "the stream holds an event that is no JSON (cut?)"
    return Body(events=tuple(events), done=done, broken=broken)


def _frame_event(frame: stream.Frame) -> dict[str, Any]:
    """`{name: content}` as the AWS SDKs show it; a chunk of an invoked model as that model's own event."""
    content = obj(parse(frame.payload))
    if frame.headers.get(":message-type") in ("exception", "error"):
        kind = frame.headers.get(":exception-type") or frame.headers.get(":error-code", "")
        return {"error": {"type": kind, "message": frame.headers.get(":error-message", "")} | content}
    name = frame.headers.get(":event-type", "")
    if name == "chunk" and isinstance(content.get("bytes"), str):
        try:
            inner = parse(b64decode(content["bytes"]))
        except ValueError:
            inner = None
        return inner if isinstance(inner, dict) else {name: content}
    return {name: content}
