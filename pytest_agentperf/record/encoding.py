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
    """With or without the zlib header: the name means both in the wild."""
    chosen: list[Any] = []

    def undo(data: bytes) -> bytes:
        if not chosen:
            chosen.append(zlib.decompressobj())
            try:
                return chosen[0].decompress(data)  # type: ignore[no-any-return]
            except zlib.error:
                chosen[0] = zlib.decompressobj(-zlib.MAX_WBITS)
        return chosen[0].decompress(data)  # type: ignore[no-any-return]

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
