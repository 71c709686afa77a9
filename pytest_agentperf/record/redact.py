"""What may stand in a cassette. Applied where we record; filters of the user come first and can only take more away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from pytest_agentperf.decode.stated import KEPT_HEADERS

_KEPT = KEPT_HEADERS | {"accept", "anthropic-beta", "content-encoding", "location", "openai-beta"}
_KEPT_START = ("x-ratelimit-", "anthropic-ratelimit-")
_KEPT_END = ("-version", "-request-id", "-processing-ms")

_KEY_LIKE = re.compile(
    r"(?i)(.*[-_])?(api[-_]?key|key|token|secret|password|passwd|auth|authorization|credential|sig|signature)"
)
"""Names of query parameters whose value opens a door."""

_OPENERS = (
    r"(?:x[-_])?api[-_]?key|authorization|passw(?:or)?d|credentials?"
    r"|(?:access|refresh|id|auth|bearer|session|security|csrf)[-_]?token"
    r"|client[-_]?secret|secret[-_]?(?:access[-_]?)?key|private[-_]?key"
)
"""Names of JSON members whose text opens a door. Narrower than for addresses: `token`, `key` and `signature` are words of
the providers."""
_SECRET_NAME = re.compile(rf"(?i)(?:.*[-_])?(?:{_OPENERS})")
_MEMBER = re.compile(rf'(?i)("(?:[\w.-]{{0,60}}[-_])?(?:{_OPENERS})"\s*:\s*")(?:[^"\\]|\\.)+(?=")')
REMOVED = "REMOVED"
"""Stands where a secret stood."""

_PATTERNS = {
    "an API key (sk-...)": r"\bsk-[A-Za-z0-9_-]{20,}",
    "a Google API key (AIza...)": r"\bAIza[A-Za-z0-9_-]{35}",
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})",
    "a Slack token": r"\bxox[abpors]-[A-Za-z0-9-]{10,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "a Groq or xAI key": r"\b(?:gsk_|xai-)[A-Za-z0-9]{20,}",
    "a bearer token": r"\b[Bb]earer [A-Za-z0-9._~+/-]{20,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}
_ANY = re.compile("|".join(f"({pattern})" for pattern in _PATTERNS.values()))

_SHORTEST = 12
"""Characters of a secret: `test` and `disabled` in a variable that is called a key are none."""


@lru_cache(maxsize=1024)
def keeps(header: str) -> bool:
    """Whether a header of this name, of a request or a response, is stored."""
    name = header.lower()
    if name.startswith("x-stainless-"):
        return False  # of the machine and the SDK; changes with each release
    return name in _KEPT or name.startswith(_KEPT_START) or name.endswith(_KEPT_END)


def keep_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [clean_url(value) for value in values] if name.lower() == "location" else values
        for name, values in headers.items()
        if keeps(name)
    }


@lru_cache(maxsize=1024)
def clean_url(url: str) -> str:
    """Without user and password, and without query parameters whose name says that they are keys."""
    parts = urlsplit(url)
    pairs = parts.query.split("&") if parts.query else []
    kept = [pair for pair in pairs if not _KEY_LIKE.fullmatch(unquote_plus(pair.partition("=")[0]))]
    host = parts.netloc.rpartition("@")[2]
    if host == parts.netloc and len(kept) == len(pairs):
        return url
    return urlunsplit(parts._replace(netloc=host, query="&".join(kept)))


def clean_body(body: Any) -> Any:
    """Without the values of JSON members and form fields that are secrets by their name; all else byte for byte."""
    if isinstance(body, str):
        return clean_body(body.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    if isinstance(body, (bytes, bytearray)):
        text = bytes(body).decode("latin-1")  # a byte a character
        return clean_form(_MEMBER.sub(rf"\g<1>{REMOVED}", text).encode("latin-1"))
    return clean_json(body) if isinstance(body, (dict, list)) else body


def clean_json(value: Any) -> Any:
    """The same for a parsed body; itself where there is nothing to take out."""
    if isinstance(value, list):
        items = [clean_json(item) if isinstance(item, (dict, list)) else item for item in value]
        return items if any(now is not then for now, then in zip(items, value, strict=True)) else value
    changed = {}
    for name, item in value.items():
        if isinstance(item, (dict, list)):
            if (clean := clean_json(item)) is not item:
                changed[name] = clean
        elif isinstance(item, str) and item and _is_secret(name):
            changed[name] = REMOVED
    return {**value, **changed} if changed else value


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(name) is not None


_FORM = re.compile(rb"[\w.%~+-]+=[^=&\s]*(?:&[\w.%~+-]+=[^=&\s]*)*")


def clean_form(body: bytes) -> bytes:
    """The same for the fields of a form."""
    if b"=" not in body[:200] or not _FORM.fullmatch(body):
        return body
    pairs = (pair.partition(b"=") for pair in body.split(b"&"))
    return b"&".join(
        name + equals + (REMOVED.encode() if _KEY_LIKE.fullmatch(unquote_plus(name.decode())) else value)
        for name, equals, value in pairs
    )


def find_secrets(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Where secrets stand in (place, text) pairs, one sentence each. The secret itself is not told."""
    own = {
        f"the value of the environment variable {name}": value
        for name, value in os.environ.items()
        if name.endswith(("_KEY", "_TOKEN", "_SECRET")) and len(value) >= _SHORTEST and value[0] not in "/~"
    }
    names = tuple(_PATTERNS)
    found = []
    for place, text in texts:
        hits = [(match.start(), names[(match.lastindex or 1) - 1]) for match in _ANY.finditer(text)]
        hits += [(text.find(value), what) for what, value in own.items() if value in text]
        found += [f"{place}, character {at}: {what}" for at, what in hits]
    return found


def texts(place: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text inside a value, with its place; bytes as text too."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, (bytes, bytearray)):
        yield place, value.decode("utf-8", "replace")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(f"{place}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from texts(f"{place}[{number}]" if len(value) > 1 else place, item)
