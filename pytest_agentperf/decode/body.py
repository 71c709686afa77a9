"""The body of an answer as JSON, whatever framing it came in."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pytest_agentperf.decode import stream
from pytest_agentperf.decode.json_ import obj, objs, parse, parse_all


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


@lru_cache(maxsize=2)
def open_body(body: bytes) -> Body:
    """Told by what the body begins with: content types are often wrong, and recorders drop them.

    Remembered for a moment, because the same body is asked for its latency and for its call. Nobody may change the result.
    """
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
    return _ndjson(body)


def _ndjson(body: bytes) -> Body:
    """One JSON value a line."""
    lines = parse_all([line for line in body.decode("utf-8", "replace").split("\n") if line.strip()])
    if lines[0] is None:
        return Body(broken="the answer is no valid JSON (cut?)")
    return Body(events=tuple(objs(lines)), broken="the stream was cut or damaged" if None in lines else "")


def _sse(body: bytes) -> Body:
    found = stream.sse(body)
    named = [event for event in found if event.data and event.data != "[DONE]"]
    values = parse_all([event.data for event in named])
    events = tuple(
        {"error": value} if event.name == "error" and "error" not in value else value
        for event, value in zip(named, values, strict=True)
        if isinstance(value, dict)
    )
    broken = "the stream holds an event that is no JSON (cut?)" if None in values else ""
    return Body(events=events, done=len(named) < len(found), broken=broken)


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
