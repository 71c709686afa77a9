"""The run as Chrome's trace events, for https://ui.perfetto.dev, speedscope and chrome://tracing.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.analyze.tree import Node, forest
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import Report
from pytest_agentperf.model.span import Span
from pytest_agentperf.report.lanes import lanes


def render(report: Report) -> str:
    """A test is a process, a thread of it a thread; what overlaps there gets lines of its own, for a line can only nest.

    Microseconds of the test's clock, each test from 0.
    """
    events = [
        event for number, run in enumerate(report.tests, 1) for event in _process(number, run.profile, run.outcome)
    ]
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    return f'{{"displayTimeUnit": "ms", "traceEvents": [\n{lines}\n]}}\n'


def _process(pid: int, profile: Profile, outcome: str) -> Iterator[dict[str, Any]]:
    if not profile.calls and not profile.spans:
        return
    yield _named("process_name", pid, 0, plain(profile.nodeid))
    yield {"ph": "M", "name": "process_labels", "pid": pid, "tid": 0, "args": {"labels": outcome}}
    calls = {call.index: call for call in profile.calls}
    spans = {span.id: span for span in profile.spans}
    by_thread: dict[int, list[tuple[Node, ModelCall | Span]]] = {}
    for node in _all(forest(profile)):
        what = calls[node.id] if node.kind == "llm" else spans[node.id]
        by_thread.setdefault(what.thread, []).append((node, what))
    tid = 0
    for thread, nodes in sorted(by_thread.items()):
        placed = lanes(nodes, lambda pair: (pair[0].start_ns, pair[0].end_ns))
        for lane in range(max(number for number, _ in placed) + 1):
            beside = f", at the same time {lane}" if lane else ""
            yield _named("thread_name", pid, tid + lane + 1, f"thread {thread}{beside}")
        for lane, (node, what) in placed:
            yield from _complete(pid, tid + lane + 1, node, _details(node, what))
        tid += max(number for number, _ in placed) + 1


def _all(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all(node.children)


def _named(what: str, pid: int, tid: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}


def _complete(pid: int, tid: int, node: Node, details: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name = plain(node.name)
    event = {"ph": "X", "pid": pid, "tid": tid, "cat": node.kind, "ts": node.start_ns / 1000}
    yield {**event, "name": name, "dur": (node.end_ns - node.start_ns) / 1000, "args": details}
    if node.first_byte_ns is not None and node.known:
        streamed = {"ts": node.first_byte_ns / 1000, "dur": (node.end_ns - node.first_byte_ns) / 1000}
        yield {**event, **streamed, "name": "streaming", "cat": "stream"}


def _details(node: Node, what: ModelCall | Span) -> dict[str, Any]:
    if isinstance(what, Span):
        return {"source": what.source, **dict(what.metadata), **({"error": what.error} if what.error else {})}
    call, usage = what, what.usage
    told = {
        "turn": call.turn,
        "input_tokens": usage.input if usage else None,
        "cache_read_tokens": usage.cache_read if usage else None,
        "output_tokens": usage.output if usage else None,
        "usd": str(call.cost.usd) if call.cost and call.cost.usd is not None else None,
        "tool_calls": ", ".join(tool.name for tool in call.tool_calls) or None,
        "error": call.error,
        "end": None if node.known else "unknown",
    }
    return {key: value for key, value in told.items() if value is not None}
