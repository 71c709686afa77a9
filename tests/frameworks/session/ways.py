"""One framework's agent in each of its ways, with each source of tool spans; copied and run by `test_frameworks.py`."""

from __future__ import annotations

import functools
import json
import os
from contextlib import nullcontext
from pathlib import Path

import adapter
import pytest
from tools import TOOLS

from pytest_agentperf.record.recorder import active
from pytest_agentperf.record.tools import detector, otel, wrap
from pytest_agentperf.record.tools.open_calls import OpenCalls
from pytest_agentperf.record.tools.sources import stop_watching

URL = os.environ["PROVIDER_URL"]
WAYS = [pytest.param(way, marks=pytest.mark.default_cassette(f"{way}.yaml")) for way in os.environ["WAYS"].split()]
LOG = Path(os.environ["TOOL_LOG"])


@pytest.fixture(params=os.environ["SOURCES"].split())
def source(request, monkeypatch):
    """The one that may tell; `all` of them."""
    if request.param not in ("all", "seam"):
        monkeypatch.setattr(wrap, "wrapped", nullcontext)
    if request.param not in ("all", "detector"):
        monkeypatch.setattr(detector, "possible", lambda: False)
    if request.param == "otel":
        trace()
    elif request.param != "all":
        monkeypatch.setattr(otel, "listening", nullcontext)
    yield request.param
    stop_watching()


@functools.cache
def trace():
    """Let the framework's own OpenTelemetry work, for good."""
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        return
    trace.set_tracer_provider(TracerProvider())
    getattr(adapter, "trace", lambda: None)()


@pytest.fixture
def ids(monkeypatch):
    """Whether the model's names for its calls were known where tools were seen running, one each time."""
    known = []
    match = OpenCalls.match

    def noting(self, name, arguments, call_id, source, *args):
        found = match(self, name, arguments, call_id, source, *args)
        if found:
            known.append(found.call.id is not None and call_id == found.call.id)
        return found

    monkeypatch.setattr(OpenCalls, "match", noting)
    return known


@pytest.mark.vcr
@pytest.mark.parametrize("way", WAYS)
def test_agent(source, way, ids):
    zero_ns = active().zero_ns
    LOG.write_text("")
    adapter.run(URL, TOOLS[way.split("_")[0]](), way)
    log = {name: (start - zero_ns, end - zero_ns) for name, start, end in map(json.loads, LOG.read_text().splitlines())}
    Path(f"{source}-{way}.json").write_text(json.dumps({"log": log, "ids": bool(ids) and any(ids)}))
