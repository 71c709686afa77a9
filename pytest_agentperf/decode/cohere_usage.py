"""Cohere's count of tokens, in both versions of its chat."""

from __future__ import annotations

from typing import Any

from pytest_agentperf.decode.json_ import count, obj
from pytest_agentperf.model.usage import Usage


def read_usage(raw: dict[str, Any]) -> Usage | None:
    """`tokens` are what the model read and wrote; `billed_units`, which are fewer, stand in only where those are missing."""
    for name in ("tokens", "billed_units"):
        counts = obj(raw.get(name))
        given, output = count(counts.get("input_tokens")), count(counts.get("output_tokens"))
        if given is not None or output is not None:
            reasoning = count(counts.get("reasoning_tokens"))
            return Usage(input=given, output=output, cache_read=count(raw.get("cached_tokens")), reasoning=reasoning)
    return None
