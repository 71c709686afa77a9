"""aiohttp: `BaseConnector.connect(request, ...) -> connection`, then `ClientResponse.start(connection)`.

A call of these is one request on the wire: redirects, `base_url`, `json=`, cookies, retries and limits are aiohttp's own
affair above. A replay hands it a connection whose other end is the cassette, and aiohttp parses what comes from there.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from pytest_agentperf.model.exchange import Request
from pytest_agentperf.record import seam, wire
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.replay import Answer
from pytest_agentperf.record.taps.tap import Patch, Tap, around

_UNDONE = ("gzip", "deflate", "br", "zstd")
"""Content encodings that its parser undoes."""
INSIDE: dict[str, tuple[str, ...]] = {
    "BaseConnector.connect": ("req", "traces", "timeout"),
    "ClientResponse.start": ("connection",),
    "ClientRequest.is_ssl": (),
    "ClientRequest.update_body": ("body",),
    "Payload.as_bytes": (),
    "StreamReader.feed_data": ("data",),
    "StreamReader.feed_eof": (),
    **dict.fromkeys((f"StreamReader.{name}" for name in ("_buffer", "_size", "_http_chunk_splits")), ()),
    "StreamReader.set_exception": ("exc",),
    "client_proto.ResponseHandler": ("loop",),
    "connector.Connection.transport": (),
    "connector.Connection": ("connector", "key", "protocol", "loop"),
}


def patches(module: ModuleType) -> Iterator[Patch]:
    yield around(module.BaseConnector, "connect", functools.partial(_connecting, module))
    yield around(module.ClientResponse, "start", functools.partial(_starting, module))


def _connecting(module: ModuleType, real: Callable[..., Any]) -> Any:
    async def connect(self: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        if not seam.wanted() or "upgrade" in req.headers:  # a websocket is no exchange
            return await real(self, req, *args, **kwargs)
        pending, answer = seam.start(await _request(req))
        with pending:
            if answer is not None:
                connection = _played(module, self, req, pending, answer)
            else:
                if pending.sends is not None:
                    await req.update_body(pending.sends)
                with seam.inside():
                    connection = await real(self, req, *args, **kwargs)
                if connection.transport is not None:
                    pending.sock = connection.transport.get_extra_info("socket")
        connection.agentperf_pending = pending
        return connection

    return connect


def _starting(module: ModuleType, real: Callable[..., Any]) -> Any:
    async def start(self: Any, connection: Any) -> Any:
        pending: Pending | None = getattr(connection, "agentperf_pending", None)
        if pending is None:
            return await real(self, connection)
        with pending:
            response = await real(self, connection)
        if pending.status is None:
            watch(module, response, pending)
        return response

    return start


async def _request(req: Any) -> Request:
    body = req.body
    return Request(
        method=req.method,
        url=str(req.url),
        headers=tuple((name.lower(), value) for name, value in req.headers.items()),
        body=bytes(body) if isinstance(body, (bytes, bytearray)) else await body.as_bytes() if body else b"",
    )


def watch(module: ModuleType, response: Any, pending: Pending) -> None:
    undone = response._session is None or response._session._auto_decompress
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.raw_headers)
    pending.response(
        response.status,
        tuple((n, v) for n, v in headers if not (n == "content-encoding" and undone and v.lower() in _UNDONE)),
        response.reason or "",
    )
    content = response.content
    _see(content, pending)
    if content.is_eof():
        pending.end()
    elif type(content) is module.StreamReader:
        content.__class__ = _tee(module, pending)


def _see(content: Any, pending: Pending) -> None:
    """What came together with the headers."""
    pieces = [pending.passed(bytes(data)) for data in getattr(content, "_buffer", ())]
    if content.is_eof():
        pieces.append(pending.passed_last())
    if pending.hides:
        content._buffer = deque(filter(None, pieces))
        content._size = content.total_bytes = sum(map(len, pieces))
        content._http_chunk_splits = None if content._http_chunk_splits is None else deque()


def _tee(module: ModuleType, pending: Pending) -> type:
    """A class of its own for each answer: readers have no place for an attribute."""
    base: Any = module.StreamReader

    class StreamReader(base):  # type: ignore[misc]
        __slots__ = ()

        def feed_data(self, data: bytes, *args: Any) -> Any:
            return base.feed_data(self, pending.passed(bytes(data)), *args)

        def feed_eof(self) -> None:
            if shown := pending.passed_last():
                base.feed_data(self, shown)
            pending.end()
            base.feed_eof(self)

        def set_exception(self, exc: Any, *args: Any) -> None:
            if type(exc) is module.ClientConnectionError:  # what the client that leaves sets; failures are subclasses
                pending.close()
            else:
                pending.fail(exc)
            base.set_exception(self, exc, *args)

    return StreamReader


def _played(module: ModuleType, connector: Any, req: Any, pending: Pending, answer: Answer) -> Any:
    loop = asyncio.get_running_loop()
    protocol = module.client_proto.ResponseHandler(loop)
    protocol.connection_made(_Transport(protocol, req.method, pending, answer))
    protocol.force_close()  # so that it never gets into the connector's pool
    return module.connector.Connection(connector, req.connection_key, protocol, loop)


class _Transport(asyncio.Transport):
    """The other end: takes the request, and sends the recorded answer at its pace."""

    def __init__(self, protocol: Any, method: str, pending: Pending, answer: Answer) -> None:
        super().__init__()
        self._protocol = protocol
        self._method = method
        self._pending = pending
        self._answer = answer
        self._script = seam.Script(pending, answer, None)  # timeouts are aiohttp's, on the loop's own clock
        self._sending = asyncio.ensure_future(self._send())
        self._closing = False

    async def _send(self) -> None:
        answer, pending, script = self._answer, self._pending, self._script
        await self._wait(answer.headers_ns)
        pending.response(answer.status, answer.headers, answer.reason)
        self._protocol.data_received(wire.head(answer, self._method))
        if not wire.has_body(self._method, answer.status):
            pending.end(script.at(answer.end_ns))
            return
        for offset_ns, data in answer.pieces:
            await self._wait(offset_ns)
            pending.chunk(data, script.at(offset_ns))
            self._protocol.data_received(wire.chunk(data))
        await self._wait(answer.end_ns)
        if answer.error:
            pending.fail(ConnectionError(answer.error))
            self._protocol.connection_lost(ConnectionError(answer.error))
        else:
            pending.end(script.at(answer.end_ns))
            self._protocol.data_received(wire.END)

    async def _wait(self, offset_ns: int | None) -> None:
        seconds, _ = self._script.pause(offset_ns)
        # Even for nothing: real I/O lets the other tasks run here, so a replay does.
        await asyncio.sleep(seconds)

    def write(self, data: Any) -> None:
        pass

    def writelines(self, list_of_data: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._sending.cancel()
            self._pending.close(self._script.left())
            self._sending.get_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


TAPS = (Tap(module="aiohttp", inside=INSIDE, patches=patches, stubs=("aiohttp",)),)
