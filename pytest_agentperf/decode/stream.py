"""The framings of streamed answers: pure functions from the bytes of a body to what it carries.

A body that ends in the middle of a frame gives the frames before it; nothing here raises.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple
from zlib import crc32


class Event(NamedTuple):
    """One server-sent event."""

    name: str
    """Empty where the stream names none."""
    data: str


class Frame(NamedTuple):
    """One message of an AWS event stream."""

    headers: dict[str, str]
    payload: bytes


def sse(body: bytes) -> list[Event]:
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html, "parsing an event stream").

    Other than there, an event that no blank line ends is kept: providers close the connection right after the last.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [event for block in text.split("\n\n") if (event := _event(block))]


_COMMON = re.compile(r"(?:event: ?(.*)\n)?data: ?(.*)\n?")


def _event(block: str) -> Event | None:
    if common := _COMMON.fullmatch(block):
        return Event(common[1] or "", common[2])
    name, data = "", []
    for line in block.split("\n"):
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    return Event(name, "\n".join(data)) if data else None


def is_sse(body: bytes) -> bool:
    """Whether a body begins like server-sent events."""
    return body[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"data:", b"event:", b"id:", b"retry:", b":"))


_PRELUDE = struct.Struct(">III")
"""Length of the message, length of its headers, CRC-32 of these eight bytes."""
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; 6 and 7 carry their length."""


def is_event_stream(body: bytes) -> bool:
    """Whether a body begins with the prelude of an AWS event stream."""
    if len(body) < _PRELUDE.size:
        return False
    return bool(crc32(body[:8]) == _PRELUDE.unpack_from(body)[2])


def event_stream(body: bytes) -> tuple[list[Frame], bool]:
    """The messages of an AWS event stream, and whether they are all of the body: both CRCs of each are checked.

    Format: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
    """
    frames, start = [], 0
    while is_event_stream(body[start : start + _PRELUDE.size]):
        total, header_size, _ = _PRELUDE.unpack_from(body, start)
        end = start + total
        if total < 16 + header_size or end > len(body):
            break
        if crc32(body[start : end - 4]) != int.from_bytes(body[end - 4 : end]):
            break
        split = start + _PRELUDE.size + header_size
        frames.append(Frame(_headers(body[start + _PRELUDE.size : split]), body[split : end - 4]))
        start = end
    return frames, start == len(body)


def _headers(data: bytes) -> dict[str, str]:
    """Those of type text (7); the providers use no others."""
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        kind_at = at + 1 + data[at]
        if kind_at >= len(data):
            break
        name, kind, at = data[at + 1 : kind_at], data[kind_at], kind_at + 1
        if kind in _SIZES:
            at += _SIZES[kind]
            continue
        size = int.from_bytes(data[at : at + 2])
        if kind == 7:
            headers[name.decode("utf-8", "replace")] = data[at + 2 : at + 2 + size].decode("utf-8", "replace")
        at += 2 + size
    return headers
