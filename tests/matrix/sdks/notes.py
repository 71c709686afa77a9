"""What each session of `test_sdks.py` notes: what the SDK gave to the agent, and the numbers of the profiler if it is there."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import vcr

URL = os.environ["PROVIDER_URL"]
MODE = os.environ["MODE"]
"""`live` (no test is marked with `vcr`), `record` or `replay`."""
WATCHED = os.environ["WITH"] in ("ours", "pytest-recording", "pytest-vcr")
"""Whether this project's plugin is there."""


def now_ns():
    """By a clock that virtual time does not touch."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def release():
    """Let the provider go on; past all clients. In a replay it is not there, and nothing waits for it."""
    if MODE != "replay":
        address = urlsplit(URL)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(b"GET /release HTTP/1.1\r\nconnection: close\r\n\r\n")
            connection.makefile("rb").read()


def pytest_configure(config):
    config.addinivalue_line("markers", "vcr: known without a plugin too")


@pytest.fixture(scope="module")
def vcr_config():
    """vcrpy alone does not look at the body, and gives one agent the answer of another."""
    return {} if WATCHED else {"match_on": ["method", "scheme", "host", "port", "path", "query", "body"]}


if os.environ["WITH"] == "plain vcrpy":

    @pytest.fixture(autouse=True)
    def plain_vcrpy(request, vcr_config):
        """vcrpy without a plugin, on the file where the plugins have it."""
        path = f"cassettes/test_agent/{request.node.name}.yaml"
        mode = {"record": "once", "replay": "none"}[MODE]
        with vcr.use_cassette(path, record_mode=mode, **vcr_config):
            yield


def numbers(profiler):
    calls = profiler.profile().calls
    return {
        "llm_calls": profiler.llm_calls,
        "tokens": [profiler.input_tokens, profiler.output_tokens, profiler.tokens],
        "parts": [profiler.cached_tokens, profiler.reasoning_tokens],
        "tool_calls": profiler.tool_calls,
        "cost": str(profiler.cost_usd),
        "asked": sorted(
            f"{tool.name} {json.dumps(json.loads(tool.arguments))}" for c in calls for tool in c.tool_calls
        ),
        "answers": sorted([call.api, call.model, call.answer_digest, call.finish] for call in calls),
        "streamed": sorted(call.streamed for call in calls),
        "errors": [call.error for call in calls if call.error],
    }


@pytest.fixture
def note(request):
    """`note(*answers)` at the end of a test's body: all that is the same live, recorded and replayed.

    `seen_ns`: when the client saw the beginning of its one answer. That and what was measured are noted apart.
    """
    profiler = request.getfixturevalue("profiler") if WATCHED else None

    def write(*answers, seen_ns=None):
        texts, calls = zip(*answers, strict=True)
        noted = {
            "text": sorted(texts),
            "tools": sorted(f"{name} {json.dumps(arguments)}" for some in calls for name, arguments in some),
        }
        times = {"seen_ns": seen_ns}
        if profiler is not None:
            noted |= numbers(profiler)
            times["measured_ns"] = profiler.profile().calls[0].ttft_ns
        name = request.node.name.removeprefix("test_")
        Path(os.environ["NOTES"], f"{name}.json").write_text(json.dumps({"same": noted, "times": times}))

    return write
