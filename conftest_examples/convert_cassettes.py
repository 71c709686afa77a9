"""Turn recorded traffic of public repositories into the cassettes of these examples.

    python conftest_examples/convert_cassettes.py [--corpus DIR] [--output DIR]

Reads Ruby's and R's VCR (`http_interactions`), vcrpy, and pydantic-ai's variant of it (JSON bodies under
`parsed_body`); writes vcrpy's YAML, and beside the cassettes SOURCES.md and the licence of each repository. The same
input gives the same bytes.

Bodies are kept as they are: decompressed if need be, `parsed_body` through `json.dumps` as pydantic-ai itself replays it.
Dropped are query parameters that belong to an SDK and all headers but the few that tell something about the call.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import yaml

EXAMPLES = Path(__file__).resolve().parent

CASSETTES = {
    "quickstart/cassettes/test_openai_agent/test_answers_a_question_and_a_follow_up.yaml": (
        "tidyverse+ellmer/tests/testthat/_vcr/openai-tool.yml"
    ),
    "quickstart/cassettes/test_anthropic_agent/test_asks_for_the_whole_family_at_once.yaml": (
        "pydantic+pydantic-ai/tests/models/cassettes/test_anthropic/test_multiple_parallel_tool_calls.yaml"
    ),
    "limits/cassettes/test_city/berlin.yaml": (
        "crmne+ruby_llm/spec/fixtures/vcr_cassettes/"
        "chat_function_calling_openai_gpt-5-nano_can_use_parallel_tool_calls.yml"
    ),
    "streaming/cassettes/test_streaming/test_streams_the_answers.yaml": (
        "pydantic+pydantic-ai/tests/cassettes/test_temporal/test_complex_agent_run_in_workflow.yaml"
    ),
    "latency/cassettes/test_latency/travel.yaml": (
        "pydantic+pydantic-ai/tests/cassettes/test_temporal/test_complex_agent_run_in_workflow.yaml"
    ),
    "budget/cassettes/test_budget/lookups.yaml": (
        "simonw+llm/tests/cassettes/test_openai_responses/test_responses_interleaved_reasoning_between_tool_calls.yaml"
    ),
}
"""Cassette beside this script -> its source in the corpus."""

KEPT_HEADERS = {
    "content-type",
    "openai-processing-ms",
    "openai-version",
    "request-id",
    "retry-after",
    "server-timing",
    "x-envoy-upstream-service-time",
    "x-request-id",
}
KEPT_HEADER_PREFIXES = ("anthropic-ratelimit-", "x-ratelimit-")
SDK_QUERY_PARAMETERS = {"beta"}
"""Anthropic's SDK adds `?beta=true` on its own; it is no part of what the agent asked for."""

Json = dict[str, Any]


def convert(recorded: Json) -> Json:
    """A cassette in any of the three formats, as vcrpy's."""
    interactions = recorded.get("http_interactions") or recorded["interactions"]
    return {"version": 1, "interactions": [_interaction(one["request"], one["response"]) for one in interactions]}


def _interaction(request: Json, response: Json) -> Json:
    return {
        "request": {
            "method": request["method"].upper(),
            "uri": _address(request["uri"]),
            "body": _body(request),
            "headers": _headers(request),
        },
        "response": {
            "status": _status(response["status"]),
            "headers": _headers(response),
            "body": {"string": _body(response)},
        },
    }


def _address(uri: str) -> str:
    parts = urlsplit(uri)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in SDK_QUERY_PARAMETERS]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _status(status: Json | int) -> Json:
    """R's VCR stores the bare number."""
    return status if isinstance(status, dict) else {"code": status, "message": "OK" if status == 200 else ""}


def _headers(message: Json) -> dict[str, list[str]]:
    """vcrpy's shape: a list of values for each name. R's VCR stores a single value bare."""
    kept = {}
    for name, value in (message.get("headers") or {}).items():
        lower = name.lower()
        if lower in KEPT_HEADERS or lower.startswith(KEPT_HEADER_PREFIXES):
            kept[lower] = value if isinstance(value, list) else [value]
    return dict(sorted(kept.items()))


def _body(message: Json) -> str:
    if "parsed_body" in message:
        return json.dumps(message["parsed_body"])
    body = message["body"]
    text = body["string"] if isinstance(body, dict) else body
    return text if isinstance(text, str) else _decompressed(text).decode()


def _decompressed(body: bytes) -> bytes:
    """Binary bodies of the corpus are gzip; a stream cut short keeps what had arrived."""
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(body) if body[:2] == b"\x1f\x8b" else body


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that streams and pretty-printed answers can be read."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(str, _Dumper.represent_text)


def dump(cassette: Json) -> str:
    return yaml.dump(cassette, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31)


def write(corpus: Path, output: Path) -> None:
    with (corpus / "INDEX.tsv").open(newline="", encoding="utf-8") as file:
        index = {row["path"]: row for row in csv.DictReader(file, delimiter="\t")}
    folders: dict[Path, list[str]] = {}
    for name, source in CASSETTES.items():
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        recorded = yaml.safe_load((corpus / source).read_text(encoding="utf-8"))
        target.write_text(dump(convert(recorded)), encoding="utf-8")
        folder = target.parent.parent
        licence = _copy_licence(corpus / source.split("/")[0], folder)
        row = index[source]
        path = source.split("/", 1)[1]
        folders.setdefault(folder, []).append(
            f"- `{target.relative_to(folder).as_posix()}`\n"
            f"  - repository: https://github.com/{row['repo']}\n"
            f"  - commit: `{row['commit']}`\n"
            f"  - file: `{path}`\n"
            f"  - licence: {row['licence']}, see [{licence}]({licence})\n"
        )
    for folder, entries in folders.items():
        (folder / "SOURCES.md").write_text(_SOURCES + "\n".join(entries), encoding="utf-8")


_SOURCES = """\
# Where these cassettes come from

Traffic recorded against the real providers by other projects, converted to vcrpy's format by
`conftest_examples/convert_cassettes.py`. Changed were the file format, query parameters of the SDK, and the headers, of which
only a few are kept; the bodies are those of the recording.

"""


def _copy_licence(group: Path, folder: Path) -> str:
    """The name of the copy. R packages have a stub `LICENSE` beside the full text: the longest file is the licence."""
    licence = max(group.glob("LICENSE*"), key=lambda path: path.stat().st_size)
    name = f"LICENSE-{group.name.replace('+', '-')}"
    shutil.copyfile(licence, folder / name)
    return name


def main() -> None:
    default = Path(os.environ.get("AGENTPERF_CORPUS") or EXAMPLES.parent.parent / "shared" / "corpus")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=default, help="recorded traffic with its INDEX.tsv")
    parser.add_argument("--output", type=Path, default=EXAMPLES, help="folder of the examples")
    options = parser.parse_args()
    write(options.corpus, options.output)


if __name__ == "__main__":
    main()
