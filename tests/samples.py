"""Profiles and reports as real runs make them, and hypothesis strategies for any at all."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.model.limit import Limit, Violation
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Cost, Usage

MS = 1_000_000


def call(index: int, start_ms: int, end_ms: int | None, **changes: object) -> ModelCall:
    """A replayed call with usage and a price; `first_ms` makes it a streamed one."""
    first_ms = changes.pop("first_ms", None)
    values: dict[str, object] = {
        "index": index,
        "provider": "openai",
        "api": "openai-chat",
        "model": "gpt-5-nano",
        "status": 200,
        "usage": Usage(input=1200 + 310 * index, output=85, cache_read=1024, reasoning=64),
        "cost": Cost(usd=Decimal("0.000192"), source="table", note="genai-prices 0.2"),
        "start_ns": start_ms * MS,
        "end_ns": None if end_ms is None else end_ms * MS,
        "origin": Origin.REPLAYED,
        "timing": Timing.RECORDED,
        "turn": index + 1,
    }
    if isinstance(first_ms, int):
        values |= {"streamed": True, "first_byte_ns": first_ms * MS}
    return ModelCall(**{**values, **changes})  # type: ignore[arg-type]


def asked(*names: str) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(id=f"call_{at}", name=name, arguments="{}") for at, name in enumerate(names))


def span(
    id: int,
    start_ms: int,
    end_ms: int,
    name: str,
    *,
    kind: SpanKind = SpanKind.TIMER,
    parent: int | None = None,
    error: str | None = None,
) -> Span:
    return Span(id=id, parent=parent, kind=kind, name=name, start_ns=start_ms * MS, end_ns=end_ms * MS, error=error)


def tool(id: int, start_ms: int, end_ms: int, name: str, *, parent: int | None = None) -> Span:
    return span(id, start_ms, end_ms, name, kind=SpanKind.TOOL, parent=parent)


def trip(nodeid: str = "tests/agents/test_trip.py::test_plans_a_trip") -> Profile:
    """Two turns: a streamed one that asks for two tools, which run at once, and the answer; 4.2 s in all."""
    return Profile(
        nodeid=nodeid,
        clock=ClockKind.VIRTUAL,
        latency_ns=4200 * MS,
        cpu_ns=12 * MS,
        calls=(
            call(0, 100, 1500, first_ms=700, tool_calls=asked("flights", "weather"), span=1),
            call(1, 2900, 4150, turn=2, span=4),
        ),
        spans=(
            span(1, 50, 1520, "llm:planning"),
            replace(tool(2, 1550, 2850, "flights"), call=0, call_id="call_0"),
            replace(tool(3, 1550, 2150, "weather"), call=0, call_id="call_1"),
            span(4, 2880, 4170, "llm:answer"),
        ),
    )


def limit(text: str = "max_latency(4000)", metric: str = "latency", bound: int = 4000) -> Limit:
    return Limit(metric=metric, bound=bound, text=text, source="tests/agents/test_trip.py:12")


def broken(profile: Profile, of: Limit) -> Violation:
    metric = METRICS[of.metric]
    return Violation(limit=of, measure=metric.read(profile), unit=metric.unit, message=f"over {of.text}")


def run(profile: Profile, outcome: str = "passed", *violations: Violation) -> TestRun:
    return TestRun(profile=profile, outcome=outcome, violations=violations)


def report(*tests: TestRun, notes: tuple[str, ...] = (), bugs: tuple[str, ...] = ()) -> Report:
    return Report(
        tests=tests, notes=notes, bugs=bugs, versions=(("pytest-agentperf", "0.1.0"), ("genai-prices", "0.2.1"))
    )


def profiles(*, unknown: bool = True) -> st.SearchStrategy[Profile]:
    """Calls and spans at any times, in any nesting that a parent before its child allows; all ends after the start."""
    return st.builds(_profile, st.data(), st.booleans() if unknown else st.just(False))


def _profile(data: st.DataObject, unknown: bool) -> Profile:
    stretches = st.tuples(st.integers(0, 50), st.integers(0, 30)).map(lambda pair: (pair[0], sum(pair)))
    spans = []
    for at, (start, end) in enumerate(sorted(data.draw(st.lists(stretches, max_size=8))), 1):
        parent = data.draw(st.none() | st.integers(1, at - 1)) if at > 1 else None
        kind = data.draw(st.sampled_from(SpanKind))
        spans.append(span(at, start, end, data.draw(st.sampled_from("abc")), kind=kind, parent=parent))
    calls = []
    for at, (start, end) in enumerate(sorted(data.draw(st.lists(stretches, max_size=8)))):
        inside = data.draw(st.none() | st.integers(1, len(spans))) if spans else None
        first = data.draw(st.none() | st.integers(start, end))
        lost = unknown and data.draw(st.booleans())
        timing = data.draw(st.sampled_from([Timing.STATED, Timing.UNKNOWN])) if lost else Timing.RECORDED
        calls.append(call(at, start, None if lost else end, first_ms=first, timing=timing, span=inside))
    return Profile(
        nodeid="tests/test_any.py::test_any",
        clock=ClockKind.VIRTUAL,
        latency_ns=data.draw(st.integers(0, 90)) * MS,
        calls=tuple(calls),
        spans=tuple(spans),
    )
