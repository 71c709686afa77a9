"""Every recorded call of the corpus against an independent extractor's findings.

What the two see differently, and the evidence, is in the README beside this file.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from decode.corpus import CORPUS, MISSING, exchanges, rows
from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.decode.stated import stated_latency
from pytest_agentperf.inspection import inspect
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.exchange import Exchange

pytestmark = [
    pytest.mark.skipif(not CORPUS.is_dir(), reason=MISSING),
    pytest.mark.xdist_group("corpus"),  # read once
]

Row = dict[str, str]

USAGE_SEEN_OTHERWISE = {
    "test_anthropic/test_anthropic_2_completion.yaml",
    "test_anthropic/test_anthropic_2_completion_with_events_with_content.yaml",
    "test_anthropic/test_anthropic_2_completion_with_events_with_no_content.yaml",
    "cassettes/test_invoke_model_no_content[cohere.command-r].yaml",
    "cassettes/test_invoke_model_with_content[cohere.command-r].yaml",
    "cassettes/test_invoke_model_no_content[mistral.mistral].yaml",
    "cassettes/test_invoke_model_with_content[mistral.mistral].yaml",
    "test_guardrails/test_guardrail_invoke_stream.yaml",
    "test_generate/test_generate_text_stream.yaml",
    "test_watsonx_metrics/test_generate_stream_metrics.yaml",
}
TOOLS_SEEN_OTHERWISE = {"nova_grounding", "nova_code_interpreter"}


@cache
def seen() -> dict[tuple[str, str], Exchange]:
    return {(row["path"], str(e.index)): e for row in rows("INDEX.tsv") for e in exchanges(row["path"])}


@cache
def read() -> dict[tuple[str, str], ModelCall]:
    found = {place: decode(exchange) for place, exchange in seen().items()}
    return {place: reading.call for place, reading in found.items() if reading}


def oracle() -> list[tuple[Row, Exchange, ModelCall | None]]:
    places = [(row, (row["path"], row["interaction"])) for row in rows("ORACLE.tsv")]
    return [(row, seen()[place], read().get(place)) for row, place in places]


def test_usage() -> None:
    """An empty field of the oracle ("not on the wire") is equal to nothing and to 0."""
    wrong = []
    for row, _, call in oracle():
        usage = call.usage if call else None
        for column, name in (
            ("input_tokens", "input"),
            ("output_tokens", "output"),
            ("cache_read", "cache_read"),
            ("cache_write", "cache_write"),
            ("reasoning", "reasoning"),
        ):
            if (getattr(usage, name, None) or 0) != float(row[column] or 0):
                wrong.append((row["path"], row["interaction"], column, row[column], usage))
    unexplained = [one for one in wrong if "/".join(one[0].split("/")[-2:]) not in USAGE_SEEN_OTHERWISE]
    assert unexplained == []
    assert len({(path, interaction) for path, interaction, *_ in wrong}) <= 10


def test_known_numbers_are_not_missed() -> None:
    """Where the oracle found numbers, we know them, too: neither is None."""
    missed = [
        row["path"]
        for row, _, call in oracle()
        if row["input_tokens"]
        and row["output_tokens"]
        and (call is None or call.usage is None or call.usage.total is None)
    ]
    assert missed == []


def test_tool_names() -> None:
    wrong = []
    for row, _, call in oracle():
        ours = [tool.name for tool in call.tool_calls] if call else []
        theirs = [name for name in row["tool_names"].split(",") if name and name not in TOOLS_SEEN_OTHERWISE]
        if Counter(ours) != Counter(theirs):
            wrong.append((row["path"], row["interaction"], ours, theirs))
    assert wrong == []


def test_every_cassette_is_inspected() -> None:
    read = [inspect(CORPUS / row["path"]) for row in rows("INDEX.tsv")]
    assert sum(len(profile.calls) for profile in read) == 2246
    assert all(call.cost for profile in read for call in profile.calls)


def test_models() -> None:
    """The oracle keeps addresses escaped, and streamed completions of a text under the name that was asked for."""
    wrong = [
        (row["path"], row["interaction"], call.model, row["model"])
        for row, _, call in oracle()
        if call
        and row["model"]
        and row["model"].replace("%3A", ":").replace("%2F", "/") not in (call.model, call.requested_model)
    ]
    assert wrong == []


def test_stated_latency() -> None:
    wrong = []
    for row, exchange, call in oracle():
        if not row["server_ms"]:
            continue
        assert exchange.response is not None
        stated = call.stated if call else stated_latency(exchange.response, streamed=row["streaming"] == "1")
        ns = None if stated is None else stated.first_byte_ns if "TTFB" in row["server_ms_source"] else stated.end_ns
        if ns is None or round(ns / 1e6, 1) != round(float(row["server_ms"]), 1):
            wrong.append((row["path"], row["interaction"], row["server_ms"], stated))
    assert wrong == []


def test_streams_are_told_from_whole_answers() -> None:
    wrong = [
        (row["path"], row["interaction"])
        for row, _, call in oracle()
        if call and call.streamed != (row["streaming"] == "1")
    ]
    assert wrong == []


def test_what_the_oracle_leaves_out_are_refusals_embeddings_and_a_compaction() -> None:
    known = {(row["path"], row["interaction"]) for row in rows("ORACLE.tsv")}
    others = [call for place, call in read().items() if place not in known]
    answered = [call for call in others if call.error is None]
    assert sorted(call.operation for call in answered) == ["chat", "embedding"]
    assert all(call.usage for call in answered)


def test_what_we_leave_out_calls_no_model() -> None:
    """Contexts put into Gemini's cache, and Bedrock's hosted agents and retrieval."""
    left_out = [exchange.request.url for _, exchange, call in oracle() if call is None]
    assert all("cachedContents" in url or "bedrock-agent-runtime" in url for url in left_out)


def test_only_errors_of_the_provider_are_errors() -> None:
    failed = [call.error for row, _, call in oracle() if call and call.error]
    assert len(failed) == 3
    assert not [error for error in failed if error and "cut" in error]


def test_results_belong_to_calls_of_the_conversation() -> None:
    """A result names a call that an earlier answer of its cassette asked for.

    The others are made-up histories (handed over from another provider), and ellmer, which names the item and not the call.
    """
    asked: dict[str, set[str]] = {}
    tied = loose = 0
    for (path, _), call in read().items():
        known = asked.setdefault(path, set())
        if known:
            for result in call.prompt.results:
                tied, loose = (
                    (tied + 1, loose) if result.call_id in known else (tied, loose + (result.call_id is not None))
                )
        known |= {tool.id for tool in call.tool_calls if tool.id}
    assert tied / (tied + loose) > 0.9
