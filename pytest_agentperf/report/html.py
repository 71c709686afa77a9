"""The run as one page that opens from disk, with no server and no request: findings, then tests, each with its waterfall.

The page (`page.html`) is fixed; it draws what stands in it as JSON, compressed, in columns: a table of texts and one
array for each property of all bars of all tests, which is what makes ten thousand tests fit in three megabytes.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.analyze.tree import Node, forest
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.change import Change
from pytest_agentperf.model.metric import METRICS, format_amount, format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.changes import verdict
from pytest_agentperf.report.problems import Problem, problems
from pytest_agentperf.report.totals import time_source

_SLOT = "<!--data-->"
_KINDS = {"llm": 0, "tool": 1, "window": 2, "timer": 3, "own": 4}
_BARS = ("kind", "depth", "name", "start", "first", "length", "flags", "note")
_KNOWN, _FAILED = 1, 2


def render(report: Report) -> str:
    data = json.dumps(to_data(report), ensure_ascii=False, separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(data.encode("utf-8", "backslashreplace"), 4, mtime=0)).decode()
    page = files(__package__).joinpath("page.html").read_text("utf-8")
    return page.replace(_SLOT, packed, 1)


def to_data(report: Report) -> dict[str, Any]:
    """What the page draws. Times are tenths of a millisecond, texts places in `texts`; a bar starts that much after the last."""
    texts = _Texts()
    found = problems(report)
    places = {run.profile.nodeid: at for at, run in enumerate(report.tests)}
    bars = _Bars(texts)
    return {
        "versions": dict(report.versions),
        "notes": [plain(note) for note in (*report.notes, *(f"bug in agentperf: {bug}" for bug in report.bugs))],
        "kinds": list(_KINDS),
        "problems": [_problem(problem, places) for problem in found],
        "metrics": [
            {
                "label": metric.label,
                "unit": metric.unit,
                "values": [_number(row[name].value) for row in report.numbers],
                "why": [texts[plain(row[name].why)] for row in report.numbers],
                "estimated": [at for at, row in enumerate(report.numbers) if row[name].estimated],
            }
            for name, metric in METRICS.items()
        ],
        "tests": [_test(run, texts, bars) for run in report.tests],
        "bars": bars.columns,
        "chunks": bars.chunks,
        "texts": texts.known,
    }


class _Texts(dict[str, int]):
    """Texts to their places in `known`; a new one is added."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[str] = []

    def __missing__(self, text: str) -> int:
        self[text] = len(self.known)
        self.known.append(text)
        return self[text]


class _Bars:
    def __init__(self, texts: _Texts) -> None:
        self.texts = texts
        self._rows: list[tuple[int, ...]] = []
        self.chunks: dict[int, list[int]] = {}
        """Of streamed answers, by the place of their bar: when pieces came, from its start."""

    def add(self, profile: Profile) -> int:
        """How many it has."""
        calls = {call.index: call for call in profile.calls}
        last, number = 0, 0
        for depth, node in _walk(forest(profile), 0):
            start, end = _tenths(node.start_ns), _tenths(node.end_ns)
            row = (
                _KINDS[node.kind],
                depth,
                self.texts[plain(node.name)],
                start - last,
                -1 if node.first_byte_ns is None else _tenths(node.first_byte_ns) - start,
                end - start,
                node.known * _KNOWN + node.failed * _FAILED,
                self.texts[_note(calls[node.id]) if node.kind == "llm" else ""],
            )
            if node.kind == "llm" and node.known and len(calls[node.id].chunks_ns) > 2:
                self.chunks[len(self._rows)] = [_tenths(at) - start for at in calls[node.id].chunks_ns]
            self._rows.append(row)
            last, number = start, number + 1
        return number

    @property
    def columns(self) -> dict[str, Sequence[int]]:
        return dict(zip(_BARS, zip(*self._rows, strict=True) if self._rows else [()] * len(_BARS), strict=True))


def _walk(nodes: list[Node], depth: int) -> Iterator[tuple[int, Node]]:
    for node in nodes:
        yield depth, node
        yield from _walk(node.children, depth + 1)


def _tenths(ns: int) -> int:
    return (ns + 50_000) // 100_000


def _note(call: ModelCall) -> str:
    usage = call.usage
    told = [f"turn {call.turn}"]
    if usage and usage.input is not None and usage.output is not None:
        cached = f", {usage.cache_read:,} cached" if usage.cache_read else ""
        mark = "~" if usage.estimated else ""
        told.append(f"{mark}{usage.input:,} tokens in{cached}, {mark}{usage.output:,} out")
    if call.cost and call.cost.usd is not None:
        told.append(format_value(call.cost.usd, "USD", estimated=call.cost.estimated))
    if call.tool_calls:
        told.append("asks for " + ", ".join(dict.fromkeys(tool.name for tool in call.tool_calls)))
    if call.error:
        told.append(call.error)
    return plain("; ".join(told))


def _problem(problem: Problem, places: dict[str, int]) -> dict[str, Any]:
    return {
        "check": problem.check,
        "text": plain(problem.text),
        "severity": problem.severity,
        "tests": [places[test] for test in problem.tests if test in places],
        "costs": [format_amount(share.metric, share.amount) for share in problem.shares],
        "place": f"{problem.path}:{problem.line}" if problem.path else "",
        "id": problem.fingerprint[:10],
    }


def _test(run: TestRun, texts: _Texts, bars: _Bars) -> list[Any]:
    """Node id, outcome, kind of time, latency, bars, bars and latency of the baseline, changes, lines to read."""
    profile = run.profile
    lines = [violation.message for violation in run.violations]
    lines += [*profile.unmodelled, *profile.notes]
    return [
        plain(profile.nodeid),
        texts[run.outcome],
        texts[time_source(profile)],
        _tenths(profile.latency_ns),
        bars.add(profile),
        bars.add(run.base) if run.base else 0,
        _tenths(run.base.latency_ns) if run.base else 0,
        [_change(change, texts) for change in run.changes],
        [texts[plain(line)] for line in lines],
    ]


def _change(change: Change, texts: _Texts) -> list[Any]:
    """Metric, was, now, what is said of it, whether it fails the test."""
    values = (format_value(value, change.unit) for value in (change.was, change.now))
    return [
        texts[METRICS[change.metric].label if change.metric in METRICS else change.metric],
        *values,
        texts[verdict(change)],
        int(change.verdict.fails),
    ]


def _number(value: Any) -> int | float | None:
    return value if value is None or isinstance(value, int) else float(f"{value:.6g}")
