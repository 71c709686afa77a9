"""When two requests are the same: method, address and body, the body as JSON where it is JSON."""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from pytest_agentperf.record.redact import clean_url

_OWNED = {("beta", "true")}
"""Query parameters that SDKs add on their own, and that come and go with their versions."""
_PORTS = {"http": 80, "https": 443}


class Asked(Protocol):
    """A request as vcrpy holds it."""

    @property
    def method(self) -> str: ...
    @property
    def uri(self) -> str: ...
    @property
    def body(self) -> Any: ...


def key(request: Asked) -> bytes:
    """Equal for requests that are the same."""
    parts = (request.method.upper(), address(request.uri), canonical(request.body))
    return blake2b(repr(parts).encode(), digest_size=16).digest()


@lru_cache(maxsize=1024)
def address(url: str) -> str:
    """A URL in one spelling: without secrets and what SDKs own, query sorted, default port left out."""
    parts = urlsplit(clean_url(url))
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair not in _OWNED]
    port = f":{parts.port}" if parts.port not in (None, _PORTS.get(parts.scheme)) else ""
    question = f"?{urlencode(sorted(query))}" if query else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path or '/'}{question}"


def canonical(body: Any) -> bytes:
    """JSON in one spelling (key order, white space, escapes); anything else as it is."""
    data = body if isinstance(body, (dict, list)) else as_bytes(body)  # once: an iterator is used up then
    parsed = as_json(data)
    if parsed is not None:
        return json.dumps(parsed, sort_keys=True, separators=(",", ":")).encode()
    return as_bytes(data)


def as_json(body: Any) -> dict[str, Any] | list[Any] | None:
    """The object or array that a body is; None for any other body. Uses up an iterator."""
    if isinstance(body, (dict, list)):
        return body
    data = as_bytes(body)
    if data.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        parsed: dict[str, Any] | list[Any] = json.loads(data)
    except ValueError:
        return None
    return parsed


def as_bytes(body: Any) -> bytes:
    """A body as vcrpy may hold it: bytes, text, a file, an iterator of either, or nothing."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if hasattr(body, "read"):
        return as_bytes(body.read())
    if isinstance(body, dict):
        return json.dumps(body).encode()
    return b"".join(as_bytes(part) if not isinstance(part, int) else bytes([part]) for part in body)
