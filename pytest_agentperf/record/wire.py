"""HTTP/1.1 messages as bytes (RFC 9112), for stacks whose clients parse them themselves."""

from __future__ import annotations

from pytest_agentperf.record.replay import Answer

END = b"0\r\n\r\n"


def has_body(method: str, status: int) -> bool:
    """Whether an answer to such a request has a body at all (RFC 9112, 6.3)."""
    return method != "HEAD" and status >= 200 and status not in (204, 304)


def head(answer: Answer, method: str) -> bytes:
    """Status line and headers; the body follows in `chunk`s and ends with `END`."""
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.headers)]
    if has_body(method, answer.status):
        lines.append("transfer-encoding: chunked")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Unchunked:
    """What a chunked body carries, read off its bytes in whatever pieces they come."""

    def __init__(self) -> None:
        self.complete = False
        """The last chunk was there."""
        self._line = b""
        self._left = 0
        """Bytes of the current chunk that are still to come; -2 and -1: of the line break after it."""

    def __call__(self, wire: bytes) -> bytes:
        data = bytearray()
        while wire and not self.complete:
            if self._left > 0:
                piece, wire = wire[: self._left], wire[self._left :]
                data += piece
                self._left = self._left - len(piece) or -2
            elif self._left < 0:
                self._left, wire = self._left + 1, wire[1:]
            else:
                line, newline, wire = wire.partition(b"\n")
                self._line += line
                if newline:
                    self._left = int(self._line.partition(b";")[0], 16)
                    self.complete = not self._left
                    self._line = b""
        return bytes(data)
