"""The suite's one fake provider: a threaded HTTP/1.1 server on loopback that speaks every wire format of `routes.FORMATS`.

with FakeProvider() as provider:
    provider.script(Answer(tools=(Tool(name="weather"),)), Answer(text="Sunny."))
    client = openai.OpenAI(base_url=provider.url + "/v1", api_key="fake")
    ...
    assert len(provider.hits) == 2
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import sys
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from server import ollama
from server.answer import Answer, Format, Json, Tool
from server.routes import route

__all__ = ["Answer", "FakeProvider", "Hit", "Tool", "echo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A request that the server read."""

    serial: int
    """From 1, in the order of arrival."""
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    connection: int
    """The client's port: equal ports, one connection."""

    @property
    def json(self) -> Json:
        result: Json = json.loads(self.body)
        return result

    @property
    def wire(self) -> Format | None:
        """The format that its address speaks."""
        found = route(self.path)
        return found[0] if found else None

    @property
    def request(self) -> Json:
        """The body, and what the address says instead of it."""
        found = route(self.path)
        return self.json | (found[1] if found else {})

    @property
    def prompt(self) -> str:
        """The text of the last message of the user, or the last tool result; empty where nothing is spoken."""
        return self.wire.prompt(self.json) if self.wire else ""


def echo(hit: Hit) -> Answer:
    """An answer that can be told from those to other prompts, in its text and in its tokens."""
    if hit.wire is None:
        return Answer(status=404)
    said = len(hit.prompt)
    return Answer(text=f"You said: {hit.prompt}", input_tokens=100 + said, output_tokens=10 + said)


class FakeProvider:
    """A running server; as a context manager it stops at the end and raises what went wrong in its threads."""

    def __init__(self, reply: Answer | Callable[[Hit], Answer] = echo) -> None:
        """`reply` answers each request that no script answers."""
        self.reply = reply
        self._hits: list[Hit] = []
        self._script: deque[Answer] = deque()
        self._lock = threading.Lock()
        self._server = _Server(self)
        # A short poll: the interval is how long `close` waits.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="fake-provider")
        self._thread.start()

    @property
    def url(self) -> str:
        """Without a path and without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def hits(self) -> list[Hit]:
        """The requests so far, in the order of arrival."""
        with self._lock:
            return list(self._hits)

    def script(self, *answers: Answer) -> None:
        """Answer the next requests with these, one each, in the order of arrival; after them `reply` answers again."""
        with self._lock:
            self._script.extend(answers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if self._server.errors and error is None:
            raise ExceptionGroup("the fake provider failed", self._server.errors)

    def _take(self, method: str, path: str, headers: dict[str, str], body: bytes, port: int) -> tuple[Hit, Answer]:
        with self._lock:
            hit = Hit(serial=len(self._hits) + 1, method=method, path=path, headers=headers, body=body, connection=port)
            self._hits.append(hit)
            if self._script:
                return hit, self._script.popleft()
        return hit, self.reply if isinstance(self.reply, Answer) else self.reply(hit)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that `server_close` joins them: no thread outlives its test
    request_queue_size = 128

    def __init__(self, provider: FakeProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider
        self.closing = threading.Event()
        self.errors: list[Exception] = []
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake every thread that waits for a client or for its own delay."""
        self.closing.set()
        with self._connections_lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self.errors.append(error)


class _HangUp(Exception):
    """Close the connection as it is."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (_HangUp, ConnectionError):
            self.close_connection = True

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    def do_GET(self) -> None:
        self._answer(b"")

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        hit, answer = self.server.provider._take(self.command, self.path, headers, body, self.client_address[1])
        wire = hit.wire
        self._wait(answer.headers_after_ms)
        if answer.raw is not None:
            self._send_whole(answer, answer.raw, answer.content_type, [])
            return
        if wire is None:
            self._send_whole(replace(answer, status=404), b'{"error": "not found"}', "application/json", [])
            return
        stated = wire.headers(answer, hit.serial)
        if answer.status != 200:
            self._send_whole(answer, _dump(wire.error(answer.status, hit.serial)), "application/json", stated)
        elif hit.request.get("stream", wire is ollama):  # which streams unless told not to
            events = wire.events(answer, hit.request, hit.serial)
            if answer.error_after is not None:
                events = [*events[: answer.error_after], wire.error_event(hit.serial)]
            self._send_stream(answer, events, wire.STREAM_TYPE, stated)
        else:
            self._send_whole(answer, _dump(wire.whole(answer, hit.request, hit.serial)), "application/json", stated)

    def _send_whole(self, answer: Answer, body: bytes, content_type: str, stated: list[tuple[str, str]]) -> None:
        body = gzip.compress(body) if answer.gzip else body
        self._send_head(answer, content_type, [("content-length", str(len(body))), *stated])
        self._wait(answer.first_byte_after_ms)
        self.wfile.write(body[: answer.cut_after])
        if answer.cut_after is not None:
            raise _HangUp

    def _send_stream(
        self, answer: Answer, events: list[bytes], content_type: str, stated: list[tuple[str, str]]
    ) -> None:
        self._send_head(answer, content_type, [("transfer-encoding", "chunked"), *stated])
        self._wait(answer.first_byte_after_ms)
        for number, data in enumerate(_encoded(events, answer)):
            if number == answer.cut_after:
                raise _HangUp
            if number:
                self._wait(answer.event_gap_ms)
            if answer.end_after and number == len(events) - 1 and not answer.end_after.wait(10):
                raise _HangUp
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _send_head(self, answer: Answer, content_type: str, headers: list[tuple[str, str]]) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", content_type)
        for name, value in [*headers, *answer.headers]:
            self.send_header(name, value)
        if answer.gzip:
            self.send_header("content-encoding", "gzip")
        self.end_headers()

    def _wait(self, ms: int) -> None:
        if ms and self.server.closing.wait(ms / 1000):
            raise _HangUp


def _encoded(events: list[bytes], answer: Answer) -> Iterator[bytes]:
    """Each event as the bytes of one HTTP chunk; gzip is flushed after each, as providers do."""
    if not answer.gzip:
        yield from events
        return
    compressor = zlib.compressobj(wbits=31)
    for event in events[:-1]:
        yield compressor.compress(event) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.compress(events[-1]) + compressor.flush()


def _dump(body: Json) -> bytes:
    return json.dumps(body, indent=2).encode()
