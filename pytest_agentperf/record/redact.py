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
    return {name: value for name, value in headers.items() if keeps(name)}


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
