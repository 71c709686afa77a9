"""What providers say of their own time, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from decode.exchanges import body, chunk, frame, sse
from pytest_agentperf.decode.stated import KEPT_HEADERS, stated_latency
from pytest_agentperf.model.call import Stated
from pytest_agentperf.model.exchange import Request, Response, Timing
from pytest_agentperf.record import replay

MS = 1_000_000


def response(answer: bytes = b"{}", **headers: str) -> Response:
    return Response(status=200, headers=tuple((k.replace("_", "-"), v) for k, v in headers.items()), body=answer)


@pytest.mark.parametrize(
    "header",
    [
        "openai-processing-ms",
        "x-kong-upstream-latency",
        "x-envoy-upstream-service-time",
        "x-inference-time",
        "cmp-upstream-response-duration",
    ],
)
def test_time_until_the_answer_began(header: str) -> None:
    """Streamed, it is the first byte, and the end is unknown; of any other answer it is all."""
    said = Response(status=200, headers=((header, "363"),), body=b"{}")
    assert stated_latency(said, streamed=True) == Stated(first_byte_ns=363 * MS, end_ns=None, source=header)
    assert stated_latency(said, streamed=False) == Stated(first_byte_ns=None, end_ns=363 * MS, source=header)
    assert header in KEPT_HEADERS


@pytest.mark.parametrize(
    ("value", "ns", "source"),
    [
        ("gfet4t7; dur=1075", 1075 * MS, "server-timing gfet4t7"),
        ("x-originResponse;dur=2190", 2190 * MS, "server-timing x-originResponse"),
        ('cdn;desc="x", cfReqDur;dur=392.897', 392_897_000, "server-timing cfReqDur"),
        ("request_id;dur=0", None, ""),  # Databricks
        ("intid;desc=ff6e", None, ""),  # watsonx
    ],
)
def test_server_timing(value: str, ns: int | None, source: str) -> None:
    found = stated_latency(response(server_timing=value), streamed=False)
    assert found == (None if ns is None else Stated(first_byte_ns=None, end_ns=ns, source=source))


def test_bedrock_and_xai_state_the_end() -> None:
    invoked = response(x_amzn_bedrock_invocation_latency="2433")
    assert stated_latency(invoked, streamed=False) == Stated(
        first_byte_ns=None, end_ns=2433 * MS, source="x-amzn-bedrock-invocation-latency"
    )
    both = response(x_metrics_ttft_ms="300", x_metrics_e2e_ms="900")
    assert stated_latency(both, streamed=True) == Stated(
        first_byte_ns=300 * MS, end_ns=900 * MS, source="x-metrics-e2e-ms"
    )
    assert stated_latency(both, streamed=False) == Stated(
        first_byte_ns=None, end_ns=900 * MS, source="x-metrics-e2e-ms"
    )


@pytest.mark.parametrize(
    ("answer", "first_ms", "end_ms", "source"),
    [
        ({"metrics": {"latencyMs": 520}}, None, 520, "metrics.latencyMs"),
        (frame("metadata", {"metrics": {"latencyMs": 520}}), None, 520, "metrics.latencyMs"),
        (
            chunk({"amazon-bedrock-invocationMetrics": {"firstByteLatency": 80, "invocationLatency": 900}}),
            80,
            900,
            "amazon-bedrock-invocationMetrics",
        ),
        ({"usage": {"queue_time": 9, "prompt_time": 0.0025, "total_time": 0.5}}, 2.5, 500, "usage.total_time"),
        (sse({"x_groq": {"usage": {"prompt_time": 0.01, "total_time": 0.2}}}), 10, 200, "usage.total_time"),
        ({"time_info": {"total_time": 0.25}}, None, 250, "time_info.total_time"),
        (
            {"total_duration": 7_000_000, "load_duration": 1_000_000, "prompt_eval_duration": 2_000_000},
            3,
            7,
            "total_duration",
        ),
        (
            {"usage": {"latency_checkpoint": {"service_ttft_ms": 40, "total_duration_ms": 90}}},
            40,
            90,
            "usage.latency_checkpoint",
        ),
        ({"object": "response", "created_at": 100, "completed_at": 103}, None, 3000, "completed_at"),
        (sse({"response": {"object": "response", "created_at": 100, "completed_at": 103}}), None, 3000, "completed_at"),
    ],
)
def test_in_the_body(answer: Any, first_ms: float | None, end_ms: float, source: str) -> None:
    first = None if first_ms is None else round(first_ms * MS)
    said = response(body(answer))
    assert stated_latency(said, streamed=True) == Stated(first_byte_ns=first, end_ns=round(end_ms * MS), source=source)
    assert stated_latency(said, streamed=False) == Stated(first_byte_ns=None, end_ns=round(end_ms * MS), source=source)


def test_a_first_token_alone_says_nothing_of_a_whole_answer() -> None:
    """GPUStack."""
    said = response(body({"usage": {"time_to_first_token_ms": 55.5}}))
    assert stated_latency(said, streamed=True) == Stated(
        first_byte_ns=55_500_000, end_ns=None, source="usage.time_to_first_token_ms"
    )
    assert stated_latency(said, streamed=False) is None


@pytest.mark.parametrize(
    "said",
    [
        response(),
        response(b""),
        response(openai_processing_ms="0"),
        response(openai_processing_ms="soon"),
        response(body({"object": "response", "created_at": 100, "completed_at": None})),
    ],
)
def test_nothing_said_is_unknown_and_never_0(said: Response) -> None:
    assert stated_latency(said, streamed=True) is None
    assert stated_latency(said, streamed=False) is None


def test_within_one_second_is_stated_and_no_time_to_replay() -> None:
    said = body({"object": "response", "created_at": 100, "completed_at": 100})
    stated = stated_latency(response(said), streamed=False)
    assert stated == Stated(first_byte_ns=None, end_ns=0, source="completed_at")
    stored = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": said}}
    answer, _ = replay.read(stored, Request(method="POST", url="https://api.openai.com/v1/responses"))
    assert answer.timing is Timing.UNKNOWN


def test_the_header_comes_first() -> None:
    said = response(body({"object": "response", "created_at": 100, "completed_at": 103}), openai_processing_ms="2750")
    found = stated_latency(said, streamed=False)
    assert found is not None
    assert found.source == "openai-processing-ms"


def test_no_kept_header_holds_a_secret() -> None:
    assert not [
        name
        for name in KEPT_HEADERS
        if any(word in name for word in ("auth", "cookie", "key", "organization", "project"))
    ]
    assert all(name == name.lower() for name in KEPT_HEADERS)
