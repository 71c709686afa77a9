"""A reader of the corpus of public cassettes: vcrpy's format, pydantic-ai's, Ruby's and R's, LangChain's."""

from __future__ import annotations

import csv
import gzip
import json
import os
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pytest_agentperf.model.exchange import Exchange, Headers, Origin, Request, Response, Timing

CORPUS = Path(os.environ.get("AGENTPERF_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
MISSING = "the corpus of recorded traffic is not there (AGENTPERF_CORPUS)"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Knows Ruby's local tag for bytes."""


_Loader.add_constructor("!binary", lambda loader, node: b64decode(loader.construct_scalar(node)))


def rows(name: str) -> list[dict[str, str]]:
    """`INDEX.tsv` or `ORACLE.tsv`."""
    with (CORPUS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def exchanges(path: str) -> Iterator[Exchange]:
    """The interactions of a cassette, in the order of the file."""
    raw = (CORPUS / path).read_bytes()
    data = yaml.load(gzip.decompress(raw) if path.endswith(".gz") else raw, _Loader)
    if "requests" in data:
        pairs = list(zip(data["requests"], data["responses"], strict=True))
    else:
        found = data.get("http_interactions") or data.get("interactions") or []
        pairs = [(one["request"], one["response"]) for one in found]
    for index, (request, response) in enumerate(pairs):
        status = response.get("status") or response.get("status_code") or 200
        yield Exchange(
            index=index,
            request=Request(method=request["method"].upper(), url=request["uri"], body=_body(request)),
            response=Response(
                status=status["code"] if isinstance(status, dict) else status,
                headers=_headers(response.get("headers")),
                body=_unzipped(_body(response)),
            ),
            start_ns=0,
            first_byte_ns=None,
            end_ns=None,
            origin=Origin.REPLAYED,
            timing=Timing.UNKNOWN,
        )


def _body(part: dict[str, Any]) -> bytes:
    if "parsed_body" in part:
        parsed = part["parsed_body"]
        return (parsed if isinstance(parsed, str) else json.dumps(parsed)).encode()
    body = part.get("body")
    if isinstance(body, dict):
        body = b64decode(body["base64_string"]) if "base64_string" in body else body.get("string")
    body = body or part.get("content") or b""
    return body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body


def _headers(headers: dict[str, Any] | None) -> Headers:
    pairs = [(name, value if isinstance(value, list) else [value]) for name, value in (headers or {}).items()]
    return tuple((str(name).lower(), str(value)) for name, values in pairs for value in values)


def _unzipped(body: bytes) -> bytes:
    return zlib.decompressobj(31).decompress(body) if body.startswith(b"\x1f\x8b") else body
