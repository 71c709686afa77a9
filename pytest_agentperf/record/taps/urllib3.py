"""urllib3 2, and requests and boto3 with it: `HTTPConnectionPool._make_request(conn, method, url, ...) -> response`.

A call of it is one request on the wire: redirects and retries happen above. The answer is watched below urllib3, where
`http.client` reads it, so that each way to read one is.
"""

from __future__ import annotations

import functools
import http.client
import inspect
import io
import time
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from pytest_agentperf.model.exchange import Headers, Request
from pytest_agentperf.record import seam, wire
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.replay import Answer

STUBS: Mapping[str, tuple[str, ...]] = {"urllib3": ("requests", "boto3", "urllib3")}

_POINT = "_make_request"
_PARAMETERS = {"conn", "method", "url", "body", "headers", "timeout", "response_conn", "preload_content"}


def missing(module: ModuleType) -> str:
    """What the tap needs and this version has not; empty: it has all."""
    pool = module.HTTPConnectionPool
    if not hasattr(pool, "_get_timeout"):
        return "HTTPConnectionPool._get_timeout"
    if not set(inspect.signature(getattr(pool, _POINT, lambda: None)).parameters) >= _PARAMETERS:
        return f"HTTPConnectionPool.{_POINT}({', '.join(sorted(_PARAMETERS))})"
    return ""


def patches(module: ModuleType, *, local: bool) -> Iterator[tuple[type, str, Callable[..., Any]]]:
    pool = module.HTTPConnectionPool
    function = vars(pool)[_POINT]
    real = getattr(function, "agentperf_real", function)
    yield pool, _POINT, _tap(module, real)


def _tap(module: ModuleType, real: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(real)

    @functools.wraps(real)
    def _make_request(*args: Any, **kwargs: Any) -> Any:
        if not seam.wanted():
            return real(*args, **kwargs)
        call = signature.bind(*args, **kwargs)
        call.apply_defaults()
        asked = call.arguments
        asked["body"] = _body(asked["body"])
        pending, answer = seam.start(_request(asked))
        with pending:
            if answer is not None:
                return _played(module, asked, pending, answer)
            preload, asked["preload_content"] = asked["preload_content"], False
            with seam.inside():
                response = real(*call.args, **call.kwargs)
                _watch(response, pending)
                if preload and isinstance(response, module.HTTPResponse):  # a stand-in holds its body already
                    response._body = response.read(decode_content=asked["decode_content"])
            return response

    _make_request.agentperf_real = real  # type: ignore[attr-defined]
    return _make_request


def _request(asked: Mapping[str, Any]) -> Request:
    pool, url = asked["self"], asked["url"]
    host = f"[{pool.host}]" if ":" in pool.host else pool.host
    port = "" if pool.port in (None, {"http": 80, "https": 443}[pool.scheme]) else f":{pool.port}"
    return Request(
        method=asked["method"],
        url=url if "://" in url.partition("?")[0] else f"{pool.scheme}://{host}{port}{url}",
        headers=tuple((_text(name).lower(), _text(value)) for name, value in (asked["headers"] or {}).items()),
        body=b"" if asked["body"] is None else asked["body"],
    )


def _body(body: Any) -> bytes | None:
    """Files and iterators can be read once only; urllib3 winds a file back itself if it sends it again."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return _body(body.read())
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)
    return b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in body)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _watch(response: Any, pending: Pending) -> None:
    parsed: Any = response._original_response
    headers: Headers = tuple((name.lower(), value) for name, value in parsed.headers.items())
    pending.response(response.status, headers, response.reason or "")
    stand_in = type(parsed) is not http.client.HTTPResponse
    if stand_in or parsed.fp is None or parsed.length == 0:
        pending.end()
    else:
        parsed.fp = _Tee(parsed, pending)


class _Tee:
    """The file of an answer on the wire, told on the side."""

    def __init__(self, answer: http.client.HTTPResponse, pending: Pending) -> None:
        self._source = answer.fp
        self._pending = pending
        self._unchunked = wire.Unchunked() if answer.chunked else None
        self._left = answer.length

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
            self._pending.fail(ConnectionError("the connection was closed before the end of the answer"))


def _played(module: ModuleType, asked: Mapping[str, Any], pending: Pending, answer: Answer) -> Any:
    patience = asked["self"]._get_timeout(asked["timeout"]).read_timeout
    script = seam.Script(pending, answer, patience if isinstance(patience, (int, float)) else None)
    seconds, too_long = script.pause(answer.headers_ns)
    if seconds:
        time.sleep(seconds)
    if too_long:
        raise module.exceptions.ReadTimeoutError(
            asked["self"], asked["url"], f"Read timed out. (read timeout={patience})"
        )
    parsed = http.client.HTTPResponse(
        _Socket(_Raw(_play(asked["method"], pending, answer, script), lambda: pending.close(script.left()))),  # type: ignore[arg-type]
        method=asked["method"],
    )
    parsed.begin()
    pending.response(answer.status, answer.headers, answer.reason)
    if not wire.has_body(asked["method"], answer.status):
        pending.end(script.at(answer.end_ns))
    response = module.HTTPResponse(
        body=parsed,
        headers=module.HTTPHeaderDict(parsed.headers.items()),
        status=parsed.status,
        version=parsed.version,
        version_string="HTTP/1.1",
        reason=parsed.reason,
        preload_content=asked["preload_content"],
        decode_content=asked["decode_content"],
        original_response=parsed,
        enforce_content_length=asked["enforce_content_length"],
        request_method=asked["method"],
        request_url=asked["url"],
    )
    response.retries = asked["retries"]
    response._connection, response._pool = asked["response_conn"], asked["self"]
    return response


def _play(method: str, pending: Pending, answer: Answer, script: seam.Script) -> Iterator[bytes]:
    """The answer's bytes at their pace. One that was cut stops where it did, and the client says what it says then."""
    yield wire.head(answer, method)
    with pending:
        for offset_ns, data in answer.pieces:
            _wait(script, offset_ns)
            pending.chunk(data, script.at(offset_ns))
            yield wire.chunk(data)
        _wait(script, answer.end_ns)
        if answer.error:
            if "Timeout" in answer.error.partition(":")[0]:
                raise TimeoutError("timed out")
            pending.fail(ConnectionError(answer.error))
            return
    pending.end(script.at(answer.end_ns))
    yield wire.END


def _wait(script: seam.Script, offset_ns: int | None) -> None:
    seconds, too_long = script.pause(offset_ns)
    if seconds:
        time.sleep(seconds)
    if too_long:
        raise TimeoutError("timed out")


class _Socket:
    """As much of one as `http.client.HTTPResponse` asks for."""

    def __init__(self, source: io.RawIOBase) -> None:
        self._source = source

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._source)


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
