"""`http.client.HTTPResponse`, which the standard library and urllib3 read answers through: watched, and played."""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

from pytest_agentperf.model.exchange import Headers
from pytest_agentperf.record import seam, wire
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.replay import Answer

INSIDE: dict[str, tuple[str, ...]] = dict.fromkeys(
    (f"HTTPResponse.{name}" for name in ("begin", "fp", "length", "chunked", "headers", "status", "reason")), ()
)
"""What we rely on in `http.client`."""
_PIECE = 65_536


def watch(parsed: Any, pending: Pending) -> None:
    """An answer whose head was read: told as its body is, below it, so that each way to read one is."""
    headers: Headers = tuple((name.lower(), value) for name, value in parsed.headers.items())
    pending.sock = getattr(getattr(parsed.fp, "raw", None), "_sock", None)
    pending.response(parsed.status, headers, parsed.reason or "")
    stand_in = not isinstance(parsed, http.client.HTTPResponse)
    if stand_in or parsed.fp is None or parsed.length == 0:
        pending.end()
    else:
        parsed.fp = _shown(parsed, pending) if pending.hides else _Tee(parsed, pending)


class _Tee:
    """The file of an answer on the wire, told on the side."""

    def __init__(self, parsed: Any, pending: Pending) -> None:
        self._source = parsed.fp
        self._pending = pending
        self._unchunked = wire.Unchunked() if parsed.chunked else None
        self._left = parsed.length

    def read(self, *args: Any) -> bytes:
        return self._told(self._source.read, *args)

    def read1(self, *args: Any) -> bytes:
        return self._told(self._source.read1, *args)

    def readline(self, *args: Any) -> bytes:
        return self._told(self._source.readline, *args)

    def readinto(self, buffer: Any) -> int:
        data = self._told(self._source.read, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._pending.close()
        self._source.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def _told(self, read: Callable[..., bytes], *args: Any) -> bytes:
        with self._pending:
            data = read(*args)
        if not data and args != (0,):
            self._ended()
        elif self._unchunked is not None:
            self._pending.chunk(self._unchunked(data))
            if self._unchunked.complete:
                self._pending.end()
        else:
            self._pending.chunk(data)
            if self._left is not None:
                self._left -= len(data)
                if not self._left:
                    self._pending.end()
        return data

    def _ended(self) -> None:
        """The connection was closed: the end of a body whose length nobody said, and too early for any other."""
        if self._left is None and self._unchunked is None:
            self._pending.end()
        else:
            self._pending.fail(_cut())


def _shown(parsed: Any, pending: Pending) -> io.BufferedReader:
    """The file of an answer of which the client does not see all: framed anew."""
    source = parsed.fp

    def parts() -> Iterator[bytes]:
        unchunked = wire.Unchunked() if parsed.chunked else None
        frame = wire.chunk if unchunked else bytes
        with pending:
            while not (unchunked and unchunked.complete) and (data := source.read1(_PIECE)):
                if shown := pending.passed(unchunked(data) if unchunked else data):
                    yield frame(shown)
            if shown := pending.passed_last():
                yield frame(shown)
            if unchunked and not unchunked.complete:
                pending.fail(_cut())
                return
        pending.end()
        if unchunked:
            yield wire.END

    def close() -> None:
        pending.close()
        source.close()

    return io.BufferedReader(_Raw(parts(), close))


def _cut() -> ConnectionError:
    return ConnectionError("the connection was closed before the end of the answer")


class Played:
    """A recorded answer as the socket that it comes from: as much of one as an HTTPResponse asks for.

    Reading waits as the answer did. `patience`: seconds that one read may last; beyond them it raises TimeoutError.
    """

    def __init__(self, method: str, pending: Pending, answer: Answer, patience: float | None) -> None:
        self._method = method
        self._pending = pending
        self._answer = answer
        self._script = seam.Script(pending, answer, patience)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._parts(), lambda: self._pending.close(self._script.left())))

    def close(self) -> None:
        pass

    def _parts(self) -> Iterator[bytes]:
        """The bytes of the answer. One that was cut stops where it did, and the client says what it says then."""
        pending, answer, script = self._pending, self._answer, self._script
        with pending:
            self._wait(answer.headers_ns)
            pending.response(answer.status, answer.headers, answer.reason)
            if not wire.has_body(self._method, answer.status):
                pending.end(script.at(answer.end_ns))
            yield wire.head(answer, self._method)
            for offset_ns, data in answer.pieces:
                self._wait(offset_ns)
                pending.chunk(data, script.at(offset_ns))
                yield wire.chunk(data)
            self._wait(answer.end_ns)
            if answer.error:
                if "Timeout" in answer.error.partition(":")[0]:
                    raise TimeoutError("timed out")
                pending.fail(ConnectionError(answer.error))
                return
        pending.end(script.at(answer.end_ns))
        yield wire.END

    def _wait(self, offset_ns: int | None) -> None:
        seconds, too_long = self._script.pause(offset_ns)
        if seconds:
            time.sleep(seconds)
        if too_long:
            raise TimeoutError("timed out")


class _Raw(io.RawIOBase):
    """Hands out what comes next only when it is asked for."""

    def __init__(self, parts: Iterator[bytes], on_close: Callable[[], None]) -> None:
        self._parts = parts
        self._on_close = on_close
        self._rest = b""

    def close(self) -> None:
        self._on_close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)
