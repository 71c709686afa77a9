"""Content encodings, undone piece by piece beside a stream that the client still gets as it came."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from typing import Any

Undo = Callable[[bytes], bytes]
"""Takes the next piece as it came, gives what it adds to the plain body; raises on bytes that do not fit."""


def decoder(encoding: str) -> Undo | None:
    """For the value of a `content-encoding` header; None where there is nothing to undo.

    Raises LookupError for an encoding that is unknown, or whose library is not installed.
    """
    if not encoding:
        return None
    names = [name.strip().lower() for name in encoding.split(",")]
    steps = [_KNOWN[name]() for name in reversed(names) if name not in ("", "identity")]
    if not steps:
        return None
    return lambda data: reduce(lambda piece, step: step(piece), steps, data)


def decode(encoding: str, body: bytes) -> bytes:
    """A whole body, plain. One that is plain already, whatever its header says, stays as it is: recorders that read
    through a decoding client store it like this.

    Raises LookupError like `decoder`.
    """
    undo = decoder(encoding)
    if undo is None or not body:
        return body
    try:
        return undo(body)
    except Exception:  # noqa: BLE001 - each library has an error class of its own
        return body


def _gzip() -> Undo:
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress


def _deflate() -> Undo:
    """With or without the header of zlib (RFC 1950, 2.2): the name means both in the wild."""
    head, step = b"", None

    def undo(data: bytes) -> bytes:
        nonlocal head, step
        if step is None:
            data = head = head + data
            if len(head) < 2:
                return b""
            has_header = head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0
            step = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS).decompress
        return step(data)

    return undo


def _brotli() -> Undo:
    decompressor = _first("brotli", "brotlicffi").Decompressor()
    return getattr(decompressor, "process", None) or decompressor.decompress  # type: ignore[no-any-return]


def _zstd() -> Undo:
    library = _first("compression.zstd", "backports.zstd", "zstandard")
    if hasattr(library, "ZstdDecompressor") and hasattr(library.ZstdDecompressor, "decompressobj"):
        return library.ZstdDecompressor().decompressobj().decompress  # type: ignore[no-any-return]
    return library.ZstdDecompressor().decompress  # type: ignore[no-any-return]


def _first(*names: str) -> Any:
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise LookupError(f"none of {', '.join(names)} is installed")


_KNOWN: dict[str, Callable[[], Undo]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
