"""What Bedrock counts beside the answers of the models it invokes."""

from __future__ import annotations

from pytest_agentperf.decode.json_ import count, number, obj
from pytest_agentperf.decode.payload import Payload
from pytest_agentperf.model.usage import Usage

_KINDS = ("input", "output", "cache-read-input", "cache-write-input")


def metered(payload: Payload) -> Usage | None:
    """From the last event of an invoked stream, or from the headers of a whole answer; None where there is neither."""
    last = payload.body.events[-1] if payload.body.events else {}
    metrics = obj(last.get("amazon-bedrock-invocationMetrics"))
    names = ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
    given, output, read, written = (count(metrics.get(name)) for name in names)
    if given is None and output is None:
        headers = dict(payload.headers)
        counts = (number(headers.get(f"x-amzn-bedrock-{kind}-token-count")) for kind in _KINDS)
        given, output, read, written = (count(value) for value in counts)
    if given is None or output is None:
        return None
    return Usage(input=given + (read or 0) + (written or 0), output=output, cache_read=read, cache_write=written)
