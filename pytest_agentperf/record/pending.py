"""One exchange under way: what a tap tells of it, piece by piece."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from pytest_agentperf.model.exchange import Chunk, Connection, Exchange, Headers, Origin, Request, Response, Timing
from pytest_agentperf.record import encoding
from pytest_agentperf.record.arrival import waited_ns
from pytest_agentperf.record.connections import connection
from pytest_agentperf.record.include_usage import Hiding

Method = TypeVar("Method", bound=Callable[..., None])

MERGED_NS = 500_000
"""Chunks closer than this are one: smaller gaps say more about the reader's loop than about the sender."""

serials = itertools.count()
"""One number for each request of this process, in the order of starts."""


class Ending(StrEnum):
    """How the body of an answer ended."""

    COMPLETE = "complete"
    CLOSED = "closed"
    """The client left before it saw the end. Normal for streams: SDKs leave at the provider's last event."""
    CUT = "cut"
    """The transport failed."""
    ABANDONED = "abandoned"
    """Neither read to its end nor closed while somebody watched."""


def _guarded(method: Method) -> Method:
    """An error of ours does not leave this method of a Pending."""

    @wraps(method)
    def guarded(self: Pending, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as bug:
            if self.on_bug is None:
                raise
            self.on_bug(bug)

    return cast("Method", guarded)


class Pending:
    """Times are nanoseconds of `time.monotonic_ns`, which is looked up at each call: virtual time patches it.

    A tap calls, from any thread and one at a time: `response`, `chunk`..., then one of `end`, `close`, `fail`. After
    the first of those nothing is added. Errors of ours in these go to `on_bug`, never to the agent.
    """

    def __init__(self, request: Request, on_bug: Callable[[Exception], None] | None = None) -> None:
        self.request = request
        self.serial = next(serials)
        self.thread = threading.get_ident()
        self.origin = Origin.LIVE
        self.timing = Timing.MEASURED
        self.end_known = True
        """False: whenever the body ends here, nobody knows when it ended in truth."""
        self.status: int | None = None
        self.reason = ""
        self.headers: Headers = ()
        self.headers_ns: int | None = None
        self.body = bytearray()
        """Content encoding undone, unless `encoded`."""
        self.sock: Any = None
        """What the answer is read from, where that is known."""
        self.connection: Connection = ""
        self.sends: bytes | None = None
        """The body to send in place of the request's, where the tap can; then it shows the client what `passed` gives."""
        self.hidden = b""
        """What the answer told because of that, and the client does not see."""
        self.encoded = False
        """The body could not be decoded and is kept as it came."""
        self.chunks: list[tuple[int, int]] = []
        """Time of arrival and size in `body`."""
        self.end_ns: int | None = None
        self.ending: Ending | None = None
        self.error: str | None = None
        self.done: list[Callable[[Pending], None]] = []
        """Called once, at the end."""
        self.heard: Callable[[int], None] | None = None
        """Called with each piece of the body, when it is in `body`: its size."""
        self._hiding: Hiding | None = None
        self._undo: encoding.Undo | None = None
        self._raw = bytearray()
        self.on_bug = on_bug
        self.start_ns = time.monotonic_ns()

    @_guarded
    def response(self, status: int, headers: Headers, reason: str = "") -> None:
        """Status line and headers are there."""
        self.status, self.headers, self.reason = status, headers, reason
        self.headers_ns = time.monotonic_ns()
        self.connection = self.connection or connection(self.sock)
        try:
            self._undo = encoding.decoder(", ".join([v for k, v in headers if k == "content-encoding"]))
        except LookupError:
            self.encoded = True
        if self.sends is not None and not {"content-encoding", "content-length"} & {name for name, _ in headers}:
            self._hiding = Hiding()

    @_guarded
    def chunk(self, data: bytes, at_ns: int | None = None) -> None:
        """A piece of the body, as it came; `at_ns` where the time is known better than by looking at the clock."""
        if self.ending or not data:
            return
        at_ns = self._arrival() if at_ns is None else at_ns
        plain = self._plain(data)
        if not plain:  # a header of the content encoding: the client cannot see anything of it either
            return
        self.body += plain
        if self.chunks and at_ns - self.chunks[-1][0] < MERGED_NS:
            self.chunks[-1] = (self.chunks[-1][0], self.chunks[-1][1] + len(plain))
        else:
            self.chunks.append((at_ns, len(plain)))
        if self.heard is not None:
            self.heard(len(plain))

    @property
    def unanswered(self) -> bool:
        """The client left, or lost patience, before an answer began. A connection that failed is something else."""
        kind = (self.error or "").partition(":")[0]
        if self.status is not None or kind in ("KeyboardInterrupt", "SystemExit"):
            return False
        return self.ending is not Ending.CUT or (
            "Timeout" in kind and not kind.startswith(("Connect", "Pool", "Write"))
        )

    @property
    def hides(self) -> bool:
        """Whether the client sees another body than the one that comes. Known with the headers."""
        return self._hiding is not None

    def passed(self, data: bytes) -> bytes:
        """What the client gets to see of a piece that came, and what is told of it as a `chunk`."""
        if self._hiding is not None:
            data = self._hiding(data)
            self.hidden = self._hiding.hidden
        self.chunk(data)
        return data

    def passed_last(self) -> bytes:
        """The same of what was held back until the end."""
        data = b"" if self._hiding is None else self._hiding.rest()
        self.chunk(data)
        return data

    def end(self, at_ns: int | None = None) -> None:
        """The body is complete."""
        self._finish(Ending.COMPLETE, self._arrival() if at_ns is None else at_ns)

    def close(self, at_ns: int | None = None) -> None:
        """The client closes the answer, read to its end or not."""
        self._finish(Ending.CLOSED, time.monotonic_ns() if at_ns is None else at_ns)

    def fail(self, error: BaseException) -> None:
        """The transport failed, before or during the answer; or the client was cancelled in it."""
        if self.ending is None:
            self.error = f"{type(error).__name__}: {error}".rstrip(": ")
        self._finish(Ending.CUT if isinstance(error, Exception) else Ending.CLOSED, time.monotonic_ns())

    def abandon(self) -> None:
        """Nobody will read on. The last chunk is the last thing known of it."""
        self._finish(Ending.ABANDONED, self.chunks[-1][0] if self.chunks else None)

    def __enter__(self) -> Self:
        """Around what may fail: an error that leaves the block is told; not the end of a generator, whose stream does."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, GeneratorExit):
            self.fail(error)

    def exchange(self, *, index: int, zero_ns: int, span: int | None, partial: bool = False) -> Exchange:
        """What is known so far; the answer only once it has ended, or `partial`.

        `zero_ns` is the time at which the recording's clock reads 0.
        """

        def shift(at_ns: int | None) -> int | None:
            return None if at_ns is None else at_ns - zero_ns

        answered = self.status is not None and (partial or self.ending is not None)
        return Exchange(
            index=index,
            request=self.request,
            response=Response(status=self.status or 0, headers=self.headers, body=bytes(self.body + self.hidden))
            if answered
            else None,
            start_ns=self.start_ns - zero_ns,
            first_byte_ns=shift(self.chunks[0][0]) if self.chunks else None,
            end_ns=shift(self.end_ns),
            chunks=tuple(Chunk(at_ns=at - zero_ns, size=size) for at, size in tuple(self.chunks)),
            origin=self.origin,
            timing=self.timing,
            error=self.error,
            span=span,
            thread=self.thread,
            connection=self.connection,
        )

    def _arrival(self) -> int:
        """When what is read now came: not before what was read before it."""
        before = self.chunks[-1][0] if self.chunks else self.headers_ns or self.start_ns
        return max(before, time.monotonic_ns() - waited_ns(self.sock))

    def _plain(self, data: bytes) -> bytes:
        if self._undo is None:
            return data
        self._raw += data
        try:
            return self._undo(data)
        except Exception:  # noqa: BLE001 - each library has an error class of its own; the client will say what is wrong
            self._undo, self.encoded, self.body = None, True, self._raw
            return b""

    def _finish(self, ending: Ending, at_ns: int | None) -> None:
        if self.ending is not None:
            return
        self.ending = ending
        self.end_ns = at_ns if self.end_known else None
        for call in self.done:
            self._tell(call)

    @_guarded
    def _tell(self, call: Callable[[Pending], None]) -> None:
        call(self)
