"""httpx and httpx2, which share their shape: `Transport.handle_request(request) -> response`, sync and async."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from pytest_agentperf.model.exchange import Headers, Origin, Request
from pytest_agentperf.record import seam
from pytest_agentperf.record.include_usage import IDENTITY, OF_THE_BODY
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.replay import Answer
from pytest_agentperf.record.taps.tap import Patch, Tap, around

INSIDE: dict[str, tuple[str, ...]] = {
    "HTTPTransport.handle_request": ("request",),
    "AsyncHTTPTransport.handle_async_request": ("request",),
    "SyncByteStream": (),
    "AsyncByteStream": (),
    "Response": ("stream", "extensions"),
    "Headers.encoding": (),
    "Headers.raw": (),
}


def patches(module: ModuleType) -> Iterator[Patch]:
    yield around(module.HTTPTransport, "handle_request", functools.partial(_sync_tap, module))
    yield around(module.AsyncHTTPTransport, "handle_async_request", functools.partial(_async_tap, module))


def _sync_tap(module: ModuleType, real: Callable[..., Any]) -> Callable[..., Any]:
    def handle_request(self: Any, request: Any) -> Any:
        if not seam.wanted():
            return real(self, request)
        pending, answer = seam.start(request_of(request, request.read()))
        with pending:
            if answer is None:
                with seam.inside():
                    response = real(self, _sent(module, pending, request))
                return watched(pending, response, streams(module).tee)
            stream = streams(module).play(module, pending, answer, request)
            stream.wait(answer.headers_ns)
            return _played(module, pending, answer, stream)

    return handle_request


def _async_tap(module: ModuleType, real: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(self: Any, request: Any) -> Any:
        if not seam.wanted():
            return await real(self, request)
        pending, answer = seam.start(request_of(request, await request.aread()))
        with pending:
            if answer is None:
                with seam.inside():
                    response = await real(self, _sent(module, pending, request))
                return watched(pending, response, streams(module).async_tee)
            stream = streams(module).async_play(module, pending, answer, request)
            await stream.wait(answer.headers_ns)
            return _played(module, pending, answer, stream)

    return handle_async_request


def request_of(request: Any, body: bytes) -> Request:
    return Request(method=request.method, url=str(request.url), headers=_headers(request.headers), body=body)


def _sent(module: Any, pending: Pending, request: Any) -> Any:
    """The request for the wire."""
    if pending.sends is None:
        return request
    headers = [
        (name, value) for name, value in request.headers.raw if name.decode("latin-1").lower() not in OF_THE_BODY
    ]
    return module.Request(
        request.method,
        request.url,
        headers=[*headers, tuple(part.encode() for part in IDENTITY)],
        content=pending.sends,
        extensions=request.extensions,
    )


def _headers(headers: Any) -> Headers:
    encoding = headers.encoding
    return tuple([(name.decode(encoding).lower(), value.decode(encoding)) for name, value in headers.raw])


def _patience(request: Any) -> float | None:
    """Seconds that the client lets one read last."""
    limit: float | None = (request.extensions.get("timeout") or {}).get("read")
    return limit


def watched(pending: Pending, response: Any, tee: type) -> Any:
    reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
    stream = response.extensions.get("network_stream")  # set by httpcore
    if stream is not None:
        pending.sock = stream.get_extra_info("socket")
    elif pending.origin is Origin.LIVE:
        pending.origin = Origin.MOCKED
    if response.is_closed:  # a stand-in holds its body already, decoded
        headers = tuple(header for header in _headers(response.headers) if header[0] != "content-encoding")
        pending.response(response.status_code, headers, reason)
        pending.chunk(response.content)
        pending.end()
        return response
    pending.response(response.status_code, _headers(response.headers), reason)
    response.stream = tee(response.stream, pending)
    return response


def _played(module: Any, pending: Pending, answer: Answer, stream: Any) -> Any:
    pending.response(answer.status, answer.headers, answer.reason)
    extensions = {"http_version": b"HTTP/1.1"}
    if answer.reason:
        extensions["reason_phrase"] = answer.reason.encode("latin-1", "replace")
    return module.Response(answer.status, headers=list(answer.headers), stream=stream, extensions=extensions)


class _Tee:
    """A response's stream as it is, told on the side."""

    def __init__(self, source: Any, pending: Pending) -> None:
        self._source = source
        self._pending = pending

    def __iter__(self) -> Iterator[bytes]:
        with self._pending:
            for piece in self._source:
                yield self._pending.passed(piece)
            if data := self._pending.passed_last():
                yield data
        self._pending.end()

    def close(self) -> None:
        self._pending.close()
        self._source.close()


class _AsyncTee:
    """The same for async clients."""

    def __init__(self, source: Any, pending: Pending) -> None:
        self._source = source
        self._pending = pending

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._pending:
            async for piece in self._source:
                yield self._pending.passed(piece)
            if data := self._pending.passed_last():
                yield data
        self._pending.end()

    async def aclose(self) -> None:
        self._pending.close()
        await self._source.aclose()


class _Play:
    """A recorded stream, at its pace. Like a real one it goes on where it was when it is iterated once more."""

    def __init__(self, module: Any, pending: Pending, answer: Answer, request: Any) -> None:
        self._module = module
        self._pending = pending
        self._answer = answer
        self._pieces = iter(answer.pieces)
        self._script = seam.Script(pending, answer, _patience(request))

    def __iter__(self) -> Iterator[bytes]:
        with self._pending:
            for offset_ns, data in self._pieces:
                self.wait(offset_ns)
                self._pending.chunk(data, self._script.at(offset_ns))
                yield data
            self.wait(self._answer.end_ns)
            _break(self._module, self._answer.error)
        self._pending.end(self._script.at(self._answer.end_ns))

    def close(self) -> None:
        self._pending.close(self._script.left())

    def wait(self, offset_ns: int | None) -> None:
        seconds, too_long = self._script.pause(offset_ns)
        if seconds:
            time.sleep(seconds)
        if too_long:
            raise self._module.ReadTimeout("The read operation timed out")


class _AsyncPlay:
    """The same for async clients."""

    def __init__(self, module: Any, pending: Pending, answer: Answer, request: Any) -> None:
        self._module = module
        self._pending = pending
        self._answer = answer
        self._pieces = iter(answer.pieces)
        self._script = seam.Script(pending, answer, _patience(request))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._pending:
            for offset_ns, data in self._pieces:
                await self.wait(offset_ns)
                self._pending.chunk(data, self._script.at(offset_ns))
                yield data
            await self.wait(self._answer.end_ns)
            _break(self._module, self._answer.error)
        self._pending.end(self._script.at(self._answer.end_ns))

    async def aclose(self) -> None:
        self._pending.close(self._script.left())

    async def wait(self, offset_ns: int | None) -> None:
        seconds, too_long = self._script.pause(offset_ns)
        # Even for nothing: real I/O lets the other tasks run here, so a replay does.
        await _sleep(seconds)
        if too_long:
            raise self._module.ReadTimeout("The read operation timed out")


def _break(module: Any, error: str) -> None:
    """A recorded answer that was cut is cut again, by the same error as far as the module knows it."""
    if error:
        name, _, message = error.partition(": ")
        known = {kind.__name__: kind for kind in _kinds(module.TransportError)}
        raise known.get(name, module.ReadError)(message or "the recorded answer was cut here")


def _kinds(base: type) -> Iterator[type]:
    kind: type
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


async def _sleep(seconds: float) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await sys.modules["trio"].sleep(seconds)
    else:
        await asyncio.sleep(seconds)


class _Streams(NamedTuple):
    tee: type
    async_tee: type
    play: type
    async_play: type


@functools.cache
def streams(module: Any) -> _Streams:
    """The stream classes as the module's own kind, which its client asserts."""

    def own(base: type, kind: type) -> type:
        return type(base.__name__, (base, kind), {})

    sync, async_ = module.SyncByteStream, module.AsyncByteStream
    return _Streams(own(_Tee, sync), own(_AsyncTee, async_), own(_Play, sync), own(_AsyncPlay, async_))


TAPS = tuple(Tap(module=name, inside=INSIDE, patches=patches, stubs=(name,)) for name in ("httpx", "httpx2"))
