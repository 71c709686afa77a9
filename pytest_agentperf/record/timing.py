"""The key `agentperf` of a response in a cassette: when its parts came.

It stands inside `response`, the one place that plain vcrpy (7 to 9) and pytest-recording keep when they load and save
again, and holds short scalars only, because YAML gives each number of a list a line of its own:

    response:
      agentperf:
        version: 1
        start: 1520.4                       # ms from the first request of this recording to this one
        connection: new                     # or reused: it had answered before; absent: unknown
        headers: 298.7                      # ms from the request to status line and headers; absent: no answer came
        first_byte: 302.1                   # ms from the request to the first byte of the body; absent: there was none
        chunks: 302.1+180 100.4+178         # each: ms since the one before, or the request, + bytes of the body
        end: 905.3                          # ms from the request; absent: unknown
        ending: complete                    # or closed (by the client), cut (by the transport), abandoned
        error: 'ReadError: ...'             # what cut it; absent: nothing
        hidden: 'data: {..., "usage": ...}' # what was asked for besides (see include_usage.py); absent: nothing

Bytes count the body as it is stored, content encoding undone. Chunks that waited for a client at work between two reads have
the time at which they came, where the system tells it (see arrival.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from pytest_agentperf.model.exchange import Connection
from pytest_agentperf.record.pending import Ending, Pending

KEY = "agentperf"
VERSION = 1
NEVER_NS = 100 * 86_400 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Offsets in nanoseconds from the start of the request."""

    headers_ns: int
    """NEVER_NS: no answer came while the client waited."""
    chunks: tuple[tuple[int, int], ...]
    """Offset and size in bytes."""
    end_ns: int | None
    ending: Ending
    error: str = ""
    hidden: bytes = b""
    """Of the answer, but not of its body."""
    connection: Connection = ""


def write(pending: Pending, zero_ns: int) -> dict[str, str | int | float]:
    """What to store of an answer that has ended; `zero_ns`: the start of the recording's first request."""
    start = pending.start_ns
    value: dict[str, str | int | float] = {"version": VERSION, "start": _ms(start - zero_ns)}
    if pending.connection:
        value["connection"] = pending.connection
    if pending.headers_ns is not None:
        value["headers"] = _ms(pending.headers_ns - start)
    if pending.chunks:
        value["first_byte"] = _ms(pending.chunks[0][0] - start)
    offsets = [round((at - start) / _TICK) for at, _ in pending.chunks]
    pauses = [now - before for before, now in zip([0, *offsets], offsets, strict=False)]
    value["chunks"] = " ".join(f"{pause / 10}+{size}" for pause, (_, size) in zip(pauses, pending.chunks, strict=True))
    if pending.end_ns is not None:
        value["end"] = _ms(pending.end_ns - start)
    value["ending"] = str(pending.ending)
    if pending.error:
        value["error"] = pending.error
    if pending.hidden:
        value["hidden"] = pending.hidden.decode("utf-8", "replace")
    return value


def read(value: Any) -> Timed | None:
    """The inverse of `write`; None where there is nothing. Raises ValueError that names key and value."""
    if value is None:
        return None
    version = value.get("version") if isinstance(value, dict) else None
    if version != VERSION:
        raise ValueError(f"version: expected {VERSION}, got {version!r}")
    at, chunks = 0, []
    for part in str(value.get("chunks", "")).split():
        pause, _, size = part.partition("+")
        if not size.isdecimal():
            raise ValueError(f"chunks: expected a pause in ms, + and a number of bytes, got {part!r}")
        at += _ns("chunks", pause)
        chunks.append((at, int(size)))
    end, ending = value.get("end"), value.get("ending", "complete")
    if ending not in list(Ending):
        raise ValueError(f"ending: expected one of {', '.join(Ending)}, got {ending!r}")
    if (connection := value.get("connection", "")) not in get_args(Connection):
        raise ValueError(f"connection: expected new or reused, got {connection!r}")
    return Timed(
        headers_ns=_ns("headers", value["headers"]) if "headers" in value else NEVER_NS,
        chunks=tuple(chunks),
        end_ns=None if end is None else _ns("end", end),
        ending=Ending(ending),
        error=str(value.get("error", "")),
        hidden=str(value.get("hidden", "")).encode(),
        connection=connection,
    )


def check(value: Any) -> None:
    """Raises ValueError for what `write` cannot have written; other versions are somebody else's to read."""
    if isinstance(value, dict) and value.get("version") == VERSION:
        read(value)
    elif value is not None and (not isinstance(value, dict) or not isinstance(value.get("version"), int)):
        raise ValueError("version: expected a number")


_TICK = 100_000
"""Nanoseconds: times are kept to a tenth of a millisecond."""


def _ms(ns: int) -> float:
    return round(ns / _TICK) / 10


def _ns(key: str, ms: object) -> int:
    try:
        value = float(str(ms))
    except ValueError:
        value = -1
    if not 0 <= value <= _LONGEST_MS:  # nor nan
        raise ValueError(f"{key}: expected milliseconds, got {ms!r}")
    return round(value * 10) * _TICK


_LONGEST_MS = 7 * 24 * 3_600_000
"""A week."""
