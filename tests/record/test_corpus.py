"""Other recorders' files, replayed to a client: it sees what is stored, byte for byte."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from base64 import b64decode
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from vcr import VCR

from decode.corpus import CORPUS, MISSING, rows
from pytest_agentperf.record import file_formats
from pytest_agentperf.record.cassette import CassetteMiss, opened_by
from pytest_agentperf.record.match import as_bytes

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=MISSING)

UNPACK = {"gzip": gzip.decompress, "deflate": zlib.decompress}


def interactions(path: Path) -> list[tuple[dict, dict]]:
    """As they stand in the file."""
    data = path.read_bytes()
    data = file_formats.parse((gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode())
    if "requests" in data:
        return list(zip(data["requests"], data["responses"], strict=True))
    items = data.get("interactions") or data["http_interactions"]
    return [(item["request"], item["response"]) for item in items]


def stored(response: dict) -> bytes:
    """The body of a response, by the words of who wrote the file."""
    if "parsed_body" in response:
        value = response["parsed_body"]
        return (value if isinstance(value, str) else json.dumps(value)).encode()
    body = response.get("body", response.get("content"))
    if isinstance(body, dict):
        body = b64decode(body["base64_string"]) if "base64_string" in body else body.get("string")
    body = as_bytes(body)
    for name, value in (response.get("headers") or {}).items():
        encoding = value if isinstance(value, str) else value[0]
        if name.lower() == "content-encoding" and encoding in UNPACK:
            try:
                return UNPACK[encoding](body)
            except (OSError, zlib.error):  # stored plain, its header left as it was
                return body
    return body


def placeholders(uris: list[str]) -> dict[str, str]:
    """What stands for a part of an address in some of these files, and what its owner may have for it."""
    names = {name: uri.startswith(name) for uri in uris for name in re.findall(r"<[\w-]+>|\*\*REDACTED\*\*", uri)}
    return {name: "https://example.com/v1" if first else "example" for name, first in names.items()}


def differences(httpx, path: Path, calls: set[int]) -> dict[int, str]:
    """Ask a cassette for all that is in it, in its order, and what came of those `calls` that is not what is stored."""
    found = {}
    asked = [request for request, _ in file_formats.read(path.read_bytes())]
    values = placeholders([request["uri"] for request in asked])

    def real(text: bytes) -> bytes:
        for name, value in values.items():
            text = text.replace(name.encode(), value.encode())
        return text

    cassette = opened_by(VCR(), "none", {}, path=str(path), filter_sensitive_data=values)
    with cassette, httpx.Client() as client:
        for number, (request, (_, response)) in enumerate(zip(asked, interactions(path), strict=True)):
            url, body = real(request["uri"].encode()).decode(), real(as_bytes(request["body"]))
            try:
                seen = client.request(request["method"], url, content=body).content
            except (CassetteMiss, httpx.HTTPError) as error:
                seen = f"{type(error).__name__}: {error}".encode()
            if number in calls and seen != real(stored(response)):
                found[number] = seen[:80].decode("utf-8", "replace")
    return found


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.soak), 20])
def test_the_client_sees_the_stored_body_of_recorded_calls(every):
    httpx = pytest.importorskip("httpx2")
    calls = defaultdict(set)
    for row in rows("ORACLE.tsv"):
        calls[row["path"]].add(int(row["interaction"]))
    paths = [row["path"] for row in rows("INDEX.tsv")][::every]
    wrong = {path: found for path in paths if (found := differences(httpx, CORPUS / path, calls[path]))}
    total = sum(len(calls[path]) for path in paths)
    share = 1 - sum(map(len, wrong.values())) / total
    print(f"{len(paths)} files loaded; {share:.2%} of {total} LLM calls give the client the stored body byte for byte")
    print(Counter(text[:40] for found in wrong.values() for text in found.values()).most_common(5))
    print(*wrong.items(), sep="\n")
    assert share >= 0.99
