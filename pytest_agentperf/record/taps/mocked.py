"""Answers that are made inside the process: by a mock, an application (ASGI, WSGI), or another recorder.

Libraries for that put something in the place of what would go to the network. These taps stand above that place and look
on; they ask no cassette. An answer for which traffic of its own was needed is none by itself: that traffic counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from pytest_agentperf.model.exchange import Headers, Request
from pytest_agentperf.record import seam
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.taps import aiohttp, httpx
from pytest_agentperf.record.taps.tap import Patch, Tap, around, is_tapped


def _handing_over(module: ModuleType, is_async: bool, real: Callable[..., Any]) -> Any:  # noqa: FBT001
    name = "handle_async_request" if is_async else "handle_request"

    def _transport_for_url(self: Any, url: Any) -> Any:
        transport = real(self, url)
        if not seam.looking_on() or is_tapped(getattr(type(transport), name, None)):
            return transport
        return (_AsyncOnlooker if is_async else _Onlooker)(module, transport)

    return _transport_for_url


class _Onlooker:
    """In the place of a transport, for one request."""

    def __init__(self, module: ModuleType, transport: Any) -> None:
        self._module = module
        self._transport = transport

    def handle_request(self, request: Any) -> Any:
        with seam.mocked(httpx.request_of(request, request.read())) as pending:
            response = self._transport.handle_request(request)
        return httpx.watched(pending, response, httpx.streams(self._module).tee)


class _AsyncOnlooker(_Onlooker):
    async def handle_async_request(self, request: Any) -> Any:
        with seam.mocked(httpx.request_of(request, await request.aread())) as pending:
            response = await self._transport.handle_async_request(request)
        return httpx.watched(pending, response, httpx.streams(self._module).async_tee)


def _httpx(module: ModuleType) -> Iterator[Patch]:
    yield around(module.Client, "_transport_for_url", partial(_handing_over, module, False))
    yield around(module.AsyncClient, "_transport_for_url", partial(_handing_over, module, True))


def _session_send(real: Callable[..., Any]) -> Any:
    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        adapter = self.get_adapter(request.url)
        own = _home(real) == "requests.sessions" and _home(type(adapter).send) == "requests.adapters"
        if own or not seam.looking_on():
            return real(self, request, **kwargs)
        body = request.body.encode() if isinstance(request.body, str) else request.body
        asked = Request(
            method=request.method,
            url=request.url,
            headers=_headers(request.headers),
            body=body if isinstance(body, bytes) else b"",
        )
        with seam.mocked(asked) as pending:
            response = real(self, request, **kwargs)
        pending.response(response.status_code, _plain(response.headers), response.reason or "")
        if response._content_consumed:
            pending.chunk(response.content)
            pending.end()
        else:
            response.raw = _Raw(response.raw, pending)
        return response

    return send


class _Raw:
    """What `requests` reads a streamed answer from."""

    def __init__(self, raw: Any, pending: Pending) -> None:
        self._raw = raw
        self._pending = pending

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        with self._pending:
            for data in self._raw.stream(*args, **kwargs):
                self._pending.chunk(data)
                yield data
        self._pending.end()

    def close(self) -> None:
        self._pending.close()
        self._raw.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def _requests(module: ModuleType) -> Iterator[Patch]:
    yield around(module.Session, "send", _session_send)


def _aioresponses(module: ModuleType) -> Iterator[Patch]:
    def _mocking(real: Callable[..., Any]) -> Any:
        async def _request_mock(self: Any, session: Any, method: str, url: Any, *args: Any, **kwargs: Any) -> Any:
            if not seam.looking_on():
                return await real(self, session, method, url, *args, **kwargs)
            data = kwargs.get("data")
            body = data if isinstance(data, bytes) else json.dumps(kwargs.get("json", data)).encode()
            asked = Request(method=method, url=str(session._build_url(url)), body=body)
            with seam.mocked(asked) as pending:
                response = await real(self, session, method, url, *args, **kwargs)
            aiohttp.watch(sys.modules["aiohttp"], response, pending)
            pending.end()
            return response

        return _request_mock

    yield around(module.aioresponses, "_request_mock", _mocking)


def _home(function: Any) -> str:
    """The module that a function was written in; `functools.wraps` hides that in `__module__`."""
    return str(getattr(function, "__globals__", {}).get("__name__", ""))


def _headers(headers: Any) -> Headers:
    return tuple((name.lower(), value if isinstance(value, str) else value.decode()) for name, value in headers.items())


def _plain(headers: Any) -> Headers:
    """Of an answer whose content encoding is undone."""
    return tuple(header for header in _headers(headers) if header[0] != "content-encoding")


_TRANSPORTS = {"Client._transport_for_url": ("url",), "AsyncClient._transport_for_url": ("url",)}

_LOST = "what is mocked of it is not seen"

TAPS = (
    *(Tap(module=name, inside=_TRANSPORTS, patches=_httpx, lost=_LOST) for name in ("httpx", "httpx2")),
    Tap(
        module="requests",
        inside={"Session.send": ("request",), "Session.get_adapter": ("url",)},
        patches=_requests,
        lost=_LOST,
    ),
    Tap(module="aioresponses", inside={"aioresponses._request_mock": ()}, patches=_aioresponses, lost=_LOST),
)
