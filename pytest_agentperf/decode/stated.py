"""The latency that the provider stated, in headers or body: what replay has for a cassette without timing of ours.

Most of the headers are written before the first byte of the body. Of a streamed answer they tell when it began, of any other
how long it took: for OpenAI this was checked against the `date` header of 2,941 recorded calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from pytest_agentperf.decode.body import open_body
from pytest_agentperf.decode.json_ import number, obj
from pytest_agentperf.decode.stream import is_event_stream
from pytest_agentperf.model.call import Stated
from pytest_agentperf.model.exchange import Response

_MS = 1_000_000
_SECOND = 1_000_000_000


_UNTIL_HEADERS = (
    "openai-processing-ms",
    "x-kong-upstream-latency",  # Mistral
    "x-envoy-upstream-service-time",  # Anthropic, Cohere, OpenAI
    "x-inference-time",  # text-generation-inference, Together
    "cmp-upstream-response-duration",  # Azure
)
"""Milliseconds until the answer began; best first."""
_UNTIL_END = "x-amzn-bedrock-invocation-latency"
_XAI = ("x-metrics-ttft-ms", "x-metrics-e2e-ms")
_TIMING = "server-timing"
"""https://www.w3.org/TR/server-timing/: Google's front end (`gfet4t7`), Cloudflare before Anthropic (`x-originResponse`)."""

REQUEST_IDS = frozenset(("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id"))
"""The provider's name for an exchange."""
RATE_LIMITS = frozenset(
    (
        "retry-after",
        "retry-after-ms",
        *(f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")),
        *(
            f"anthropic-ratelimit-{of}-{what}"
            for what in ("limit", "remaining", "reset")
            for of in ("requests", "tokens", "input-tokens", "output-tokens")
        ),
    )
)
"""What is left until the provider refuses, and when to try again."""
KEPT_HEADERS = frozenset(
    (
        *_UNTIL_HEADERS,
        _UNTIL_END,
        *_XAI,
        _TIMING,
        *REQUEST_IDS,
        *RATE_LIMITS,
        "content-type",
        "date",
        "openai-version",
        "x-amzn-errortype",
        *(f"x-amzn-bedrock-{of}-token-count" for of in ("input", "output", "cache-read-input", "cache-write-input")),
    )
)
"""Response headers that decoding reads, lower case. None of them holds a secret; a cassette should keep them."""


def stated_latency(response: Response, *, streamed: bool) -> Stated | None:
    """What the provider said of its own time; None where it said nothing."""
    return _in_headers(response, streamed=streamed) or _in_body(response.body, streamed=streamed)


def _stated(source: str, *, first: float | None = None, end: float | None = None, unit: int = _MS) -> Stated | None:
    """At least one is known and over 0: a stated 0 means that nobody measured."""
    first_ns, end_ns = (round(value * unit) if value is not None and value > 0 else None for value in (first, end))
    return Stated(first_byte_ns=first_ns, end_ns=end_ns, source=source) if first_ns or end_ns else None


def _in_headers(response: Response, *, streamed: bool) -> Stated | None:
    headers = dict(reversed(response.headers))
    if not headers.keys().isdisjoint(_XAI):
        ttft, whole = (number(headers.get(name)) for name in _XAI)
        if found := _stated(_XAI[1], first=ttft if streamed else None, end=whole):
            return found
    if found := _stated(_UNTIL_END, end=number(headers.get(_UNTIL_END))):
        return found
    for name in filter(headers.__contains__, _UNTIL_HEADERS):
        value = number(headers[name])
        if found := _stated(name, first=value) if streamed else _stated(name, end=value):
            return found
    for entry in headers.get(_TIMING, "").split(","):
        match = re.fullmatch(r"\s*([^\s;]+)\s*;(?:.*;)?\s*dur=\"?([\d.]+)\"?.*", entry)
        value = number(match[2]) if match else None
        source = f"{_TIMING} {match[1]}" if match else ""
        if found := _stated(source, first=value) if streamed else _stated(source, end=value):
            return found
    return None


_MARKS = (
    b'"latencyMs"',
    b'"total_time"',
    b'"completed_at"',
    b'"total_duration"',
    b'"latency_checkpoint"',
    b'"time_to_first_token_ms"',
    b'"amazon-bedrock-invocationMetrics"',
)


@lru_cache(maxsize=2)
def _in_body(body: bytes, *, streamed: bool) -> Stated | None:
    """The last object of the body that says something: streams state at their end.

    Remembered for a moment, because a replay asks for it and then the call.
    """
    if not is_event_stream(body) and not any(mark in body for mark in _MARKS):
        return None
    opened = open_body(body)
    for event in reversed(opened.events or (opened.answer,)):
        found = next((found for read in _FIELDS if (found := read(event))), None)
        if found:
            return found if streamed else replace(found, first_byte_ns=None) if found.end_ns is not None else None
    return None


def _converse(event: dict[str, Any]) -> Stated | None:
    """Bedrock's converse, whole or in the last event of a stream."""
    metrics = obj((obj(event.get("metadata")) or event).get("metrics"))
    return _stated("metrics.latencyMs", end=number(metrics.get("latencyMs")))


def _invoke(event: dict[str, Any]) -> Stated | None:
    metrics = obj(event.get("amazon-bedrock-invocationMetrics"))
    first, end = (number(metrics.get("firstByteLatency")), number(metrics.get("invocationLatency")))
    return _stated("amazon-bedrock-invocationMetrics", first=first, end=end)


def _groq(event: dict[str, Any]) -> Stated | None:
    """Seconds of work without the queue; the first token comes when the prompt is read."""
    usage = obj(event.get("usage")) or obj(obj(event.get("x_groq")).get("usage"))
    first, end = number(usage.get("prompt_time")), number(usage.get("total_time"))
    return _stated("usage.total_time", first=first, end=end, unit=_SECOND)


def _cerebras(event: dict[str, Any]) -> Stated | None:
    return _stated("time_info.total_time", end=number(obj(event.get("time_info")).get("total_time")), unit=_SECOND)


def _ollama(event: dict[str, Any]) -> Stated | None:
    """Nanoseconds; the first token comes when the model is loaded and the prompt is read."""
    first = (number(event.get("load_duration")) or 0) + (number(event.get("prompt_eval_duration")) or 0)
    end = number(event.get("total_duration"))
    return _stated("total_duration", first=first, end=end, unit=1) if end else None


def _azure(event: dict[str, Any]) -> Stated | None:
    checkpoint = obj(obj(event.get("usage")).get("latency_checkpoint"))
    first, end = (number(checkpoint.get("service_ttft_ms")), number(checkpoint.get("total_duration_ms")))
    return _stated("usage.latency_checkpoint", first=first, end=end)


def _gpustack(event: dict[str, Any]) -> Stated | None:
    first = number(obj(event.get("usage")).get("time_to_first_token_ms"))
    return _stated("usage.time_to_first_token_ms", first=first)


def _responses(event: dict[str, Any]) -> Stated | None:
    """Whole seconds: 0 of them is "under a second"."""
    body = obj(event.get("response")) or event
    if body.get("object") != "response":
        return None
    created, completed = (number(body.get("created_at")), number(body.get("completed_at")))
    if created is None or completed is None or completed < created:
        return None
    return Stated(first_byte_ns=None, end_ns=round((completed - created) * _SECOND), source="completed_at")


_FIELDS: tuple[Callable[[dict[str, Any]], Stated | None], ...] = (
    _converse,
    _invoke,
    _groq,
    _cerebras,
    _ollama,
    _azure,
    _gpustack,
    _responses,
)
