"""When two requests are the same: method, address and body, the body as JSON where it is JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from pytest_agentperf.record.leave_out import BadRule, Path, blurred, read_path, read_pattern, without
from pytest_agentperf.record.mode import CassetteError
from pytest_agentperf.record.redact import clean_form, clean_json, clean_url

_OWNED = {("beta", "true")}
"""Query parameters that SDKs add on their own, and that come and go with their versions."""
_NO_MATTER: tuple[Path, ...] = (("prompt_cache_key",),)
"""Places of a body that change no answer. Of this one openai-agents makes up another value in each run.
https://platform.openai.com/docs/api-reference/responses/create#responses-create-prompt_cache_key"""
_PORTS = {"http": 80, "https": 443}


class Asked(Protocol):
    """A request as vcrpy holds it."""

    @property
    def method(self) -> str: ...
    @property
    def uri(self) -> str: ...
    @property
    def body(self) -> Any: ...


class Matching:
    """How a cassette compares requests; one of vcrpy's matchers, and a hash for each request."""

    __name__ = "the same request"

    def __init__(self, ignore: Sequence[Path] = (), normalize: Sequence[re.Pattern[str]] = ()) -> None:
        """`ignore`: places of a JSON body that do not count; `normalize`: patterns of text that does not."""
        self._paths = (*_NO_MATTER, *ignore)
        self._patterns = tuple(normalize)

    def __call__(self, r1: Asked, r2: Asked) -> bool:
        return self.key(r1) == self.key(r2)

    def key(self, request: Asked) -> bytes:
        """Equal for requests that are the same."""
        head = f"{request.method.upper()} {address(request.uri)}\n"
        return blake2b(
            head.encode("utf-8", "surrogatepass") + _spelled(self.seen(request.body)), digest_size=16
        ).digest()

    def seen(self, body: Any) -> dict[str, Any] | list[Any] | bytes:
        """What is compared of a body: JSON, or bytes where it is none. Uses up an iterator."""
        data = body if isinstance(body, (dict, list)) else as_bytes(body)
        parsed = as_json(data)
        if parsed is None:
            return self._seen_text(clean_form(as_bytes(data)))
        value = without(clean_json(parsed), self._paths)
        seen: dict[str, Any] | list[Any] = blurred(value, self._patterns) if self._patterns else value
        return seen

    def _seen_text(self, data: bytes) -> bytes:
        if not self._patterns:
            return data
        text: str = blurred(data.decode("utf-8", "surrogateescape"), self._patterns)
        return text.encode("utf-8", "surrogateescape")


RULES = ("agentperf_match_ignore", "agentperf_match_normalize")
"""What `Matching` leaves out, by the names that it has in `vcr_config` and in the ini file."""


def matching(*places: Mapping[str, Any]) -> Matching:
    """What several places say together. Raises CassetteError."""
    rules: list[list[Any]] = [[], []]
    for place in places:
        for name, read, found in zip(RULES, (read_path, read_pattern), rules, strict=True):
            given = place.get(name, ())
            for rule in given if isinstance(given, (list, tuple)) else (given,):
                try:
                    found.append(read(rule))
                except BadRule as problem:
                    raise CassetteError(f"{name}: {problem}") from None
    return Matching(*rules)


_PLAIN = Matching()
key = _PLAIN.key
"""Where nothing is left out."""


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
    return _spelled(_PLAIN.seen(body))


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _spelled(seen: dict[str, Any] | list[Any] | bytes) -> bytes:
    return seen if isinstance(seen, bytes) else _encode(seen).encode()


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
