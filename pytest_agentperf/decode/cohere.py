"""What both versions of Cohere's chat share: the count of tokens, the word for a failure."""

from __future__ import annotations

from typing import Any

from pytest_agentperf.decode.json_ import count, obj, text
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


def read_failure(finish: str, message: object = None) -> str:
    """Why the model failed after its answer began; empty where it did not. Only version 2 gives a message."""
    failed = finish.startswith("ERROR") or finish == "TIMEOUT"
    return ": ".join(filter(None, (finish, text(message)))) if failed else ""
