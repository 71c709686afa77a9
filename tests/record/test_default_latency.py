"""What a team states by model, for answers that nobody timed."""

from __future__ import annotations

import json

import pytest

from pytest_agentperf.model.exchange import Request, Timing
from pytest_agentperf.record import replay
from pytest_agentperf.record.default_latency import read_rules, timed

MS = 1_000_000
RULES = read_rules("gpt-4o*: 400 + 12\n\n llama3:8b : 50; 600 + 0.5")


def answer(*, model="gpt-4o", status=200, streamed=False, headers=None, usage=True):
    request = Request(
        method="POST",
        url="https://api.openai.com/v1/chat/completions",
        body=json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": streamed}).encode(),
    )
    counts = {"usage": {"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15}} if usage else {}
    if status != 200:
        body = json.dumps({"error": {"message": "no"}})
    elif streamed:
        delta = {"choices": [{"index": 0, "delta": {"content": "word " * 10}, "finish_reason": "stop"}]}
        events = (
            {"object": "chat.completion.chunk", "model": model, **part} for part in (delta, {"choices": [], **counts})
        )
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    else:
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 10}}
        body = json.dumps({"object": "chat.completion", "model": model, "choices": [message], **counts})
    kind = "text/event-stream" if streamed else "application/json"
    stored = {
        "status": {"code": status, "message": ""},
        "headers": {"content-type": [kind], **(headers or {})},
        "body": {"string": body},
    }
    return timed(replay.read(stored, request)[0], request, RULES)


@pytest.mark.parametrize(
    ("model", "ms"), [("gpt-4o-mini", 400 + 12 * 10), ("GPT-4o", 520), ("llama3:8b", 50), ("claude", 605)]
)
def test_the_first_rule_that_fits_counts(model, ms):
    given = answer(model=model)
    assert (given.timing, given.headers_ns, given.end_ns) == (Timing.MODELLED, ms * MS, ms * MS)
    assert given.pieces == ((ms * MS, given.body),)


def test_a_stream_flows_from_its_first_token_to_its_end():
    given = answer(streamed=True)
    assert (given.timing, given.headers_ns, given.end_ns) == (Timing.MODELLED, 400 * MS, 520 * MS)
    times = [at for at, _ in given.pieces]
    assert (times[0], times[-1], len(times)) == (400 * MS, 520 * MS, 50)
    assert times == sorted(set(times))
    assert b"".join(piece for _, piece in given.pieces) == given.body


def test_tokens_that_nobody_states_are_counted():
    assert answer(usage=False).end_ns == pytest.approx((400 + 12 * 10) * MS, rel=0.1)


def test_of_a_stream_with_a_stated_first_byte_only_the_rest_is_by_rule():
    given = answer(streamed=True, headers={"openai-processing-ms": ["250"]})
    assert (given.timing, given.headers_ns, given.end_ns) == (Timing.MODELLED, 250 * MS, 370 * MS)


def test_what_is_stated_stays():
    given = answer(headers={"openai-processing-ms": ["250"]})
    assert (given.timing, given.end_ns) == (Timing.STATED, 250 * MS)


def test_a_refusal_takes_the_time_of_a_first_token():
    assert answer(status=429).end_ns == 400 * MS


def test_what_is_no_llm_call_has_no_rule():
    request = Request(method="GET", url="https://example.org/weather")
    stored = {"status": {"code": 200, "message": ""}, "headers": {}, "body": {"string": "sunny"}}
    assert timed(replay.read(stored, request)[0], request, RULES).timing is Timing.UNKNOWN


@pytest.mark.parametrize("bad", ["fast", "gpt-4o: soon", "gpt-4o: 400 + 12 + 3", "-5", "gpt: 1e3", ": 400"])
def test_rules_that_cannot_be_read(bad):
    with pytest.raises(ValueError, match=r"expected `MODEL: MS \+ MS_PER_OUTPUT_TOKEN`.*got"):
        read_rules(f"400\n{bad}")
