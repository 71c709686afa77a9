"""A server that sends the rest of its answer only when told so: proves without clocks that nothing holds a stream back."""

from __future__ import annotations

import socket
import threading
from typing import Self

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class GatedServer:
    """Answers one request with `parts`; before each but the first it waits for `release`."""

    def __init__(self, *parts: bytes) -> None:
        self.release = threading.Semaphore(0)
        self.sent = [threading.Event() for _ in parts]
        """Each set when that part is on its way."""
        self._parts = parts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/v1/chat/completions" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for _ in self._parts:
            self.release.release()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            with connection.makefile("rb") as request:  # unread bytes would reset the connection when it is closed
                lines = iter(request.readline, b"\r\n")
                length = next(int(line[15:]) for line in list(lines) if line.lower().startswith(b"content-length:"))
                request.read(length)
            connection.sendall(HEAD)
            for number, part in enumerate(self._parts):
                if number and not self.release.acquire(timeout=10):
                    return
                end = b"0\r\n\r\n" if number == len(self._parts) - 1 else b""
                connection.sendall(b"%x\r\n%b\r\n%b" % (len(part), part, end))
                self.sent[number].set()
