"""urllib3 2, and requests and boto3 with it: `HTTPConnectionPool._make_request(conn, method, url, ...) -> response`.

A call of it is one request on the wire: redirects and retries happen above. The answer is watched below urllib3, where
`http.client` reads it, so that each way to read one is.
"""

from __future__ import annotations

import functools
import http.client
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from pytest_agentperf.model.exchange import Request
from pytest_agentperf.record import seam
from pytest_agentperf.record.include_usage import IDENTITY, OF_THE_BODY
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.replay import Answer
from pytest_agentperf.record.taps import http_response
from pytest_agentperf.record.taps.tap import Patch, Tap, around

_POINT = "_make_request"
INSIDE = {
    f"HTTPConnectionPool.{_POINT}": (
        *("conn", "method", "url", "body", "headers", "retries", "timeout", "response_conn"),
        *("preload_content", "decode_content", "enforce_content_length"),
    ),
    "HTTPConnectionPool._get_timeout": (),
    "HTTPSConnectionPool._prepare_proxy": ("conn",),
    "HTTPResponse": ("original_response", "request_method", "request_url", "version_string"),
    "HTTPResponse._original_response": (),
}


def patches(module: ModuleType) -> Iterator[Patch]:
    yield around(module.HTTPConnectionPool, _POINT, functools.partial(_tap, module))
    yield around(module.HTTPSConnectionPool, "_prepare_proxy", _preparing)


def _preparing(real: Callable[..., Any]) -> Any:
    """With a cassette a tunnel is built when it is known that a request goes through it."""

    def _prepare_proxy(self: Any, conn: Any) -> Any:
        if seam.route.player is None or not seam.wanted():
            return real(self, conn)
        conn.connect = lambda: None
        try:
            return real(self, conn)
        finally:
            del conn.connect

    return _prepare_proxy


def _tap(module: ModuleType, real: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(real)

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
            if pending.sends is not None:
                asked["body"], asked["headers"] = pending.sends, _headers_anew(module, asked["headers"])
            with seam.inside():
                response = real(*call.args, **call.kwargs)
                http_response.watch(response._original_response, pending)
                if preload and isinstance(response, module.HTTPResponse):  # a stand-in holds its body already
                    response._body = response.read(decode_content=asked["decode_content"])
            return response

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


def _headers_anew(module: ModuleType, headers: Mapping[Any, Any] | None) -> Any:
    """Those of a request that asks for usage besides."""
    kept = [(name, value) for name, value in (headers or {}).items() if _text(name).lower() not in OF_THE_BODY]
    return module.HTTPHeaderDict([*kept, IDENTITY])


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


def _played(module: ModuleType, asked: Mapping[str, Any], pending: Pending, answer: Answer) -> Any:
    patience = asked["self"]._get_timeout(asked["timeout"]).read_timeout
    seconds = patience if isinstance(patience, (int, float)) else None
    played: Any = http_response.Played(asked["method"], pending, answer, seconds)
    parsed = http.client.HTTPResponse(played, method=asked["method"])
    try:
        parsed.begin()
    except TimeoutError as error:
        raise module.exceptions.ReadTimeoutError(
            asked["self"], asked["url"], f"Read timed out. (read timeout={patience})"
        ) from error
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


TAPS = (Tap(module="urllib3", inside=INSIDE, patches=patches, stubs=("requests", "boto3", "urllib3")),)
