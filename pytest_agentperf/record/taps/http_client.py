"""`http.client`, and `urllib.request` with it: `HTTPConnection.putrequest`, `.send`..., `.getresponse`.

A request is held back until the last byte of it is handed to `send`, which then asks the cassette or sends it. Libraries
that build on these connections and have taps of their own are left to those: urllib3 (requests, boto3).
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from pytest_agentperf.model.exchange import Headers, Request
from pytest_agentperf.record import seam, wire
from pytest_agentperf.record.include_usage import IDENTITY, OF_THE_BODY
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.replay import Answer
from pytest_agentperf.record.taps import http_response
from pytest_agentperf.record.taps.tap import Patch, Tap, around

INSIDE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((f"HTTPConnection.{name}" for name in ("putrequest", "send", "getresponse", "connect")), ()),
    **dict.fromkeys((f"HTTPConnection.{name}" for name in ("host", "port", "sock", "timeout")), ()),
    **dict.fromkeys((f"HTTPConnection.{name}" for name in ("_tunnel_host", "_tunnel_port")), ()),
    **http_response.INSIDE,
}
_USUAL: Any = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]
_STUBBED = ("urllib3.", "httplib2")
"""Modules of connections that another tap, or vcrpy's own stub, asks a cassette for."""


def patches(module: ModuleType) -> Iterator[Patch]:
    plain, secure = module.HTTPConnection, module.HTTPSConnection
    for owner, attribute, make in (
        (plain, "putrequest", _putting),
        (plain, "send", _sending),
        (plain, "getresponse", _getting),
        (plain, "connect", _connecting),
        (secure, "connect", _connecting),
    ):
        if attribute in vars(owner):  # not so in vcrpy's stub, where a plain cassette of it is open
            yield around(owner, attribute, make)


class _Call:
    """A request on its way, then what answers it."""

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.sent = bytearray()
        self.pending: Pending | None = None
        """None: not whole yet."""
        self.answer: Answer | None = None

    def request(self, connection: Any) -> Request | None:
        """None: there is more to come."""
        head, end, rest = bytes(self.sent).partition(b"\r\n\r\n")
        if not end:
            return None
        fields = http.client.parse_headers(io.BytesIO(head.partition(b"\r\n")[2] + end))
        headers: Headers = tuple((name.lower(), value) for name, value in fields.items())
        if "chunked" in fields.get("transfer-encoding", "").lower():
            unchunked = wire.Unchunked()
            body, whole = unchunked(rest), unchunked.complete
        else:
            body, whole = rest, len(rest) >= int(fields.get("content-length", 0))
        if not whole:
            return None
        return Request(method=self.method, url=_url(connection, self.path), headers=headers, body=body)

    def go(self, connection: Any, request: Request, send: Callable[..., Any]) -> None:
        self.pending, self.answer = seam.start(request)
        if self.answer is None:
            with self.pending, seam.inside():
                send(connection, bytes(self.sent) if self.pending.sends is None else self._anew(self.pending.sends))

    def _anew(self, body: bytes) -> bytes:
        """The request with another body, that asks for usage besides."""
        line, *fields = bytes(self.sent).partition(b"\r\n\r\n")[0].split(b"\r\n")
        kept = [field for field in fields if field.partition(b":")[0].decode("latin-1").lower() not in OF_THE_BODY]
        own = (IDENTITY, ("content-length", str(len(body))))
        return b"\r\n".join([line, *kept, *(": ".join(header).encode() for header in own), b"", body])


def _url(connection: Any, path: str) -> str:
    if "://" in path.partition("?")[0]:  # to a proxy
        return path
    scheme, usual = ("https", 443) if isinstance(connection, http.client.HTTPSConnection) else ("http", 80)
    host, port = connection._tunnel_host or connection.host, connection._tunnel_port or connection.port
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{'' if port == usual else f':{port}'}{path}"


def _ours(connection: Any) -> bool:
    """In a cassette each exchange is asked for once."""
    if seam.route.player is not None and any(kind.__module__.startswith(_STUBBED) for kind in type(connection).__mro__):
        return False
    return seam.wanted()


def _putting(real: Callable[..., Any]) -> Any:
    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        self.agentperf_call = _Call(method, url) if _ours(self) else None
        return real(self, method, url, *args, **kwargs)

    return putrequest


def _connecting(real: Callable[..., Any]) -> Any:
    def connect(self: Any) -> Any:
        if seam.route.player is not None and _ours(self):
            return None  # it connects by itself if a request is to be sent
        return real(self)

    return connect


def _sending(real: Callable[..., Any]) -> Any:
    def send(self: Any, data: Any) -> Any:
        call: _Call | None = getattr(self, "agentperf_call", None)
        if call is None or (call.pending is not None and call.answer is None):
            return real(self, data)
        if call.pending is None:
            for piece in _pieces(data):
                call.sent += piece
            request = call.request(self)
            if request is not None:
                call.go(self, request, real)
        return None

    return send


def _pieces(data: Any) -> Iterator[bytes]:
    """What `send` takes: bytes, a file or an iterable."""
    if hasattr(data, "read"):
        content = data.read()
        yield content.encode("latin-1") if isinstance(content, str) else content
    elif isinstance(data, (bytes, bytearray, memoryview)):
        yield bytes(data)
    else:
        for piece in data:
            yield bytes(piece)


def _getting(real: Callable[..., Any]) -> Any:
    def getresponse(self: Any) -> Any:
        call: _Call | None = getattr(self, "agentperf_call", None)
        self.agentperf_call = None
        if call is None:
            return real(self)
        if call.pending is None:  # less was sent than announced: nothing that a cassette could know
            self.send(bytes(call.sent))
            return real(self)
        if call.answer is None:
            with call.pending, seam.inside():
                response = real(self)
                http_response.watch(response, call.pending)
                return response
        timeout = socket.getdefaulttimeout() if self.timeout is _USUAL else self.timeout
        outer, self.sock = self.sock, http_response.Played(call.method, call.pending, call.answer, timeout)
        try:
            return real(self)
        finally:
            self.sock = outer

    return getresponse


TAPS = (Tap(module="http.client", inside=INSIDE, patches=patches, stubs=("httplib",)),)
