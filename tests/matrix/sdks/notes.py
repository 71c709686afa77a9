"""What each session of `test_sdks.py` notes: the numbers of the profiler and what the SDK gave to the agent."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

URL = os.environ["PROVIDER_URL"]
CASSETTES = "CASSETTES" in os.environ
"""Whether the tests are marked with `vcr`."""
CITIES = [f"city {number}" for number in range(16)]


def now_ns():
    """By a clock that virtual time does not touch."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


@pytest.fixture
def note(request, profiler):
    """`note(texts, tools)` at the end of a test's body."""

    def write(texts, tools):
        calls = profiler.profile().calls
        numbers = {
            "text": sorted(texts),
            "tools": sorted(tools),
            "llm_calls": profiler.llm_calls,
            "tokens": [profiler.input_tokens, profiler.output_tokens, profiler.tokens],
            "parts": [profiler.cached_tokens, profiler.reasoning_tokens],
            "tool_calls": profiler.tool_calls,
            "cost": str(profiler.cost_usd),
            "asked": sorted(
                f"{tool.name} {json.dumps(json.loads(tool.arguments))}" for call in calls for tool in call.tool_calls
            ),
            "answers": sorted([call.api, call.model, call.answer_digest, call.finish] for call in calls),
            "streamed": sorted({call.streamed for call in calls}),
        }
        Path(os.environ["NOTES"], f"{request.node.name}.json").write_text(json.dumps(numbers))

    return write


@pytest.fixture
def note_ttft(request, profiler):
    """`note_ttft(seen_ns)`: what the client saw, call by call, beside what was measured."""

    def write(seen_ns):
        measured = [call.ttft_ns for call in profiler.profile().calls]
        pairs = list(zip(seen_ns, measured, strict=True))
        Path(os.environ["NOTES"], f"{request.node.name}.json").write_text(json.dumps(pairs))

    return write
