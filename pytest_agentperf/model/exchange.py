"""One HTTP request and its answer as a tap saw it: the only noun that holds bodies. It never leaves the process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Headers = tuple[tuple[str, str], ...]
"""Names in lower case, in the order of the wire; repeated names stay repeated."""


class Origin(StrEnum):
    """Who answered."""

    LIVE = "live"
    """The network; nothing was stored."""
    RECORDED = "recorded"
    """The network, while a cassette recorded."""
    REPLAYED = "replayed"
    """A cassette."""
    MOCKED = "mocked"
    """Something inside the process: a mock, an application, another recorder."""


class Timing(StrEnum):
    """Where the times of an exchange come from, best first."""

    MEASURED = "measured"
    """Watched on the wire in this run."""
    RECORDED = "recorded"
    """Watched when the cassette was recorded and replayed as it was."""
    STATED = "stated"
    """Told by the provider in headers or body; the only kind that old cassettes have."""
    MODELLED = "modelled"
    """By the team's own rule (`agentperf_default_latency`), for lack of the others."""
    UNKNOWN = "unknown"
    """Nobody knows. Never read as 0 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of the response body."""

    at_ns: int
    """Arrival, on the recording's clock."""
    size: int
    """Bytes, content encoding undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header (`name` in lower case)."""
        return _first(self.headers, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int
    headers: Headers = ()
    body: bytes = b""
    """As far as it was read, content encoding (gzip, ...) undone."""

    def header(self, name: str) -> str | None:
        """The first value of a header (`name` in lower case)."""
        return _first(self.headers, name)


Connection = Literal["", "new", "reused"]
"""What an answer came over: a connection of its own, with handshakes, or one that had answered before; empty: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Times are nanoseconds on the recording's clock, which reads 0 when the test's body starts."""

    index: int = 0
    """Place in the order of starts, from 0."""
    request: Request
    response: Response | None = None
    """None: no answer came (see `error`)."""
    start_ns: int = 0
    first_byte_ns: int | None = None
    """First byte of the body; None if unknown or if none came."""
    end_ns: int | None = None
    """Body complete, or closed; None if unknown (a streamed answer whose provider stated its first byte only)."""
    chunks: tuple[Chunk, ...] = ()
    origin: Origin
    timing: Timing = Timing.UNKNOWN
    error: str | None = None
    """What the transport raised instead of (or during) an answer."""
    span: int | None = None
    """`Span.id` of the innermost span that this exchange happened in."""
    thread: int = 0
    """Identifier of the thread that sent it."""
    connection: Connection = ""


def _first(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key == name), None)
