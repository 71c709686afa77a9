"""A stored response as what a tap hands to its client, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_agentperf.decode.decoder import is_streamed
from pytest_agentperf.decode.stated import stated_latency
from pytest_agentperf.model.exchange import Connection, Headers, Request, Response, Timing
from pytest_agentperf.record import encoding, timing

_FRAMING = ("transfer-encoding", "content-length")
"""Said of the wire; the client gets the body whole and decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Offsets are nanoseconds from the start of the request; all 0 where `timing` is UNKNOWN."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    headers_ns: int
    pieces: tuple[tuple[int, bytes], ...]
    """The body in the chunks that it came in, and when."""
    end_ns: int | None
    """None: unknown."""
    timing: Timing
    error: str = ""
    """What cut the answer after its last piece, as `Type: message`."""
    hidden: bytes = b""
    """Of the answer, but not for the client."""
    connection: Connection = ""
    """What it came over when it was recorded."""

    @property
    def response(self) -> Response:
        """What there is to read, hidden or not."""
        return Response(status=self.status, headers=self.headers, body=self.body + self.hidden)

    def at_once(self) -> Answer:
        """In the same chunks and without waits: times then say nothing, whatever the clock, and so are UNKNOWN."""
        return replace(
            self,
            headers_ns=0,
            pieces=tuple((0, piece) for _, piece in self.pieces),
            end_ns=0,
            timing=Timing.UNKNOWN,
        )


def read(stored: Mapping[str, Any], request: Request, *, waits: bool = True) -> tuple[Answer, str]:
    """vcrpy's response dictionary as an answer, and what is wrong with its timing (empty where nothing is).

    Times are those that were recorded; else those that the provider stated; else UNKNOWN. Without `waits` all comes at
    once, in the same chunks: times then say nothing, whatever the clock, and so are UNKNOWN.
    """
    headers, body = _plain(_headers(stored), _body(stored))
    problem, timed = "", None
    try:
        timed = timing.read(stored.get(timing.KEY))
    except ValueError as error:
        problem = str(error)
    status = stored["status"]
    answer = Answer(
        status=status["code"],
        reason=status.get("message") or "",
        headers=headers,
        body=body,
        headers_ns=0,
        pieces=((0, body),) if body else (),
        end_ns=0,
        timing=Timing.UNKNOWN,
    )
    if timed:
        answer = _recorded(answer, timed) if waits else _recorded(answer, timed).at_once()
    elif waits:
        answer = _stated(answer, request)
    return answer, problem


def _recorded(answer: Answer, timed: timing.Timed) -> Answer:
    pieces, at = [], 0
    for offset, size in timed.chunks:
        if piece := answer.body[at : at + size]:  # none is left where a filter of the user made the body shorter ...
            pieces.append((offset, piece))
        at += size
    if pieces:  # ... and more where it made it longer than it came
        pieces[-1] = (pieces[-1][0], pieces[-1][1] + answer.body[at:])
    elif answer.body:
        pieces = [(timed.headers_ns, answer.body)]
    return replace(
        answer,
        headers_ns=timed.headers_ns,
        pieces=tuple(pieces),
        end_ns=timed.end_ns,
        timing=Timing.RECORDED,
        error=timed.error,
        hidden=timed.hidden,
        connection=timed.connection,
    )


def _stated(answer: Answer, request: Request) -> Answer:
    response = Response(status=answer.status, headers=answer.headers, body=answer.body)
    stated = stated_latency(response, streamed=is_streamed(request, response))
    first = None if stated is None else stated.end_ns if stated.first_byte_ns is None else stated.first_byte_ns
    if stated is None or not first:
        return answer
    return replace(
        answer,
        headers_ns=first,
        pieces=tuple((first, piece) for _, piece in answer.pieces),
        end_ns=stated.end_ns,
        timing=Timing.STATED,
    )


def _headers(stored: Mapping[str, Any]) -> Headers:
    return tuple(
        (name.lower(), _text(value))
        for name, values in stored["headers"].items()
        for value in ([values] if isinstance(values, (str, bytes)) else values)
    )


def _body(stored: Mapping[str, Any]) -> bytes:
    body = stored["body"]["string"]
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _plain(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Content encoding undone, and the headers that spoke of it or of the wire gone."""
    value = ", ".join(value for name, value in headers if name == "content-encoding")
    try:
        body = encoding.decode(value, body)
    except LookupError:  # not ours to undo; the client may know it
        return tuple(header for header in headers if header[0] not in _FRAMING), body
    return tuple(header for header in headers if header[0] not in (*_FRAMING, "content-encoding")), body


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
