"""Spans of tools that frameworks send to OpenTelemetry."""

from __future__ import annotations

import sys
import time

import pytest

from pytest_agentperf.clock.bubble import bubble
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools.otel import Told, listening, read
from record.tools.asking import asked, told


@pytest.mark.parametrize(
    ("name", "attributes", "is_told"),
    [
        (
            "running tool",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "search",
                "gen_ai.tool.call.id": "c1",
                "gen_ai.tool.call.arguments": '{"q": 1}',
            },
            Told("search", '{"q": 1}', "c1"),
        ),
        ("execute_tool search", {}, Told("search", None, None)),
        ("execute_tool (merged)", {"gen_ai.operation.name": "execute_tool"}, None),
        (
            "search",
            {"openinference.span.kind": "TOOL", "tool.name": "search", "input.value": '{"q": 1}'},
            Told("search", '{"q": 1}', None),
        ),
        ("search.tool", {"traceloop.span.kind": "tool", "traceloop.entity.name": "search"}, Told("search", None, None)),
        ("Function: search", {"name": "search", "input": '{"q": 1}'}, Told("search", '{"q": 1}', None)),
        ("MCP send tools/call search", {}, Told("search", None, None)),
        ("chat gpt-5", {"gen_ai.operation.name": "chat"}, None),
        ("LLM", {"openinference.span.kind": "LLM"}, None),
    ],
)
def test_dialects(name, attributes, is_told):
    assert read(name, attributes) == is_told


def test_nothing_is_loaded_for_it():
    before = {name for name in sys.modules if name.startswith("opentelemetry.sdk")}
    with listening():
        pass
    assert {name for name in sys.modules if name.startswith("opentelemetry.sdk")} == before


@pytest.fixture
def tracer():
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    return sdk.TracerProvider().get_tracer("test")


EXECUTE = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}


def test_spans_of_tools_are_seen_to_the_nanosecond(tracer):
    with bubble(), Recorder(sees_tools=True) as recorder, listening(), listening():
        asked(recorder, ("c0", "search", '{"q": 1}'), ("c1", "search", '{"q": 2}'), ("c2", "other", "{}"))
        time.sleep(1)
        with tracer.start_as_current_span("execute_tool search", attributes=EXECUTE) as span:
            time.sleep(0.3)
            span.set_attribute("gen_ai.tool.call.id", "c1")
        with pytest.raises(KeyError), tracer.start_as_current_span("execute_tool other"):
            raise KeyError
        with tracer.start_as_current_span("chat"):
            pass
        assert told(recorder) == [("search", "c1", "otel", "exact", None), ("other", "c2", "otel", "exact", "KeyError")]
        assert next((s.start_ns, s.end_ns) for s in recorder.recording().spans) == (10**9, 1_300_000_000)


def test_better_sources_win_and_nothing_is_counted_twice(tracer):
    with bubble(), Recorder(sees_tools=True) as recorder, listening():
        asked(recorder, ("c0", "search", '{"q": 1}'))
        with tracer.start_as_current_span("execute_tool search"), recorder.tool("search", {"q": 1}):
            time.sleep(0.1)
        assert told(recorder) == [("search", "c0", "profiler", "exact", None)]


def test_it_is_silent_afterwards_and_never_raises(tracer, monkeypatch):
    end = type(tracer.start_span("x")).end
    with Recorder(sees_tools=True) as recorder, listening():
        asked(recorder, ("c0", "search", "{}"))
        monkeypatch.setattr("pytest_agentperf.record.tools.otel.read", lambda *_: 1 / 0)
        with tracer.start_as_current_span("execute_tool search"):
            pass
        assert len(recorder.bugs) == 1
    assert type(tracer.start_span("x")).end is end
