"""The summary at the end of a run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata

from pytest_agentperf.analyze.text import cells, clip, plain
from pytest_agentperf.model.codec import no_collection
from pytest_agentperf.model.metric import Measures
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import Gauge
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.changes import causes, counts, legend
from pytest_agentperf.report.figures import column, count, counted, doubts, figure, hidden_sums, sentence
from pytest_agentperf.report.findings import entries, sentences
from pytest_agentperf.report.table import (
    SUMS,
    Cell,
    Column,
    Fit,
    Paint,
    common_prefix,
    draw,
    fit,
    painter,
    without_modules,
)
from pytest_agentperf.report.totals import Total, time_source, totals

_COLUMNS = (
    "llm_calls",
    "turns",
    "tool_calls",
    "input_tokens",
    "cache_read_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "latency",
    "ttft",
)
_DROP = (
    "reasoning_tokens",
    "time",
    "cache_read_tokens",
    SUMS,
    "turns",
    "tool_calls",
    "ttft",
    "output_tokens",
    "input_tokens",
    "llm_calls",
    "cost",
    "latency",
)
"""What a narrow terminal goes without, first to last."""
_TIMES = {
    "real": "real time",
    "virtual": "virtual time",
    "stated": "time as stated by the provider",
    "modelled": "time as modelled by agentperf_default_latency",
    "mocked": "time of mocked answers",
    "instant": "replayed at once",
}
_WHICH_CALL = re.compile(r" \(LLM call \d+ of this test[^)]*\)")
"""Tests that stop at different calls for one reason are told together."""
_MARKS = {"passed": "", "failed": "F", "skipped": "s", "xfailed": "x", "xpassed": "X"}


@dataclass(frozen=True, slots=True)
class _Row:
    run: TestRun
    numbers: Measures

    @property
    def mark(self) -> str:
        if self.run.violations or any(change.verdict.fails for change in self.run.changes):
            return "!"
        return _MARKS.get(self.run.outcome, "F")

    @property
    def stopped_at_once(self) -> bool:
        """Before its first call: its numbers would all be 0, and say nothing."""
        return bool(self.run.stopped) and not self.run.profile.calls

    @property
    def style(self) -> str:
        return "bad" if self.mark in ("!", "F") else ""

    def breaks(self, metric: str) -> bool:
        """Whether a limit on the whole test's number is not kept: its cell says so."""
        limits = (violation.limit for violation in self.run.violations)
        return any(
            limit.metric == metric and limit.within is None and limit.tool is None and not limit.own for limit in limits
        )


@no_collection()
def render(report: Report, *, width: int, color: bool, max_rows: int = 20) -> list[str]:
    """The lines of the summary, the first of them a heading over the full width. The table is never wider than that.

    A table of at most `max_rows` tests: first those that broke a limit or failed, then the slowest and costliest, each test by
    its share of the slowest or of the costliest one, whichever is larger. Columns that a narrow terminal has no room
    for are told as totals below. What the numbers need to be read (`?`, `~`, limits, notes) follows.
    """
    paint = painter(color=color)
    rows = [_Row(run, numbers) for run, numbers in zip(report.tests, report.numbers, strict=True)]
    stopped = [row for row in rows if row.stopped_at_once]
    others = [row for row in rows if not row.stopped_at_once]
    active = [row for row in others if row.run.profile.calls or row.run.violations]
    active = active or [row for row in others if row.run.profile.spans or row.run.profile.gauges]
    ranked = _ranked(active)
    table = _table(ranked, max_rows, width, paint)
    table += _left_out(len(others), len(ranked), max_rows, width) if others or not rows else []
    below = [
        *_limits(ranked, width, paint),
        *causes(report.causes, width, paint),
        *legend(report.causes, width),
        *counts(report.tests, width),
        *_findings(rows, width, paint),
        *_legend(ranked, stopped, width, paint),
        *_gauges(rows, width),
        *_notes(report, width),
        *_bugs(report, width, paint),
    ]
    return [_heading(ranked, rows, width, paint), *table, *([""] if below else []), *below]


def _ranked(rows: list[_Row]) -> list[_Row]:
    most = {name: max((row.numbers[name].value or 0 for row in rows), default=0) for name in ("latency", "cost")}

    def share(row: _Row) -> float:
        return max(float(row.numbers[name].value or 0) / float(top) if top else 0.0 for name, top in most.items())

    def rank(row: _Row) -> tuple[bool, bool, float, float, str]:
        tokens = float(row.numbers["tokens"].value or 0)
        return row.mark != "!", row.mark != "F", -share(row), -tokens, row.run.profile.nodeid

    return sorted(rows, key=rank)


def _heading(ranked: list[_Row], rows: list[_Row], width: int, paint: Paint) -> str:
    told = []
    if ranked:
        calls = sum(len(row.run.profile.calls) for row in ranked)
        sources = {time_source(row.run.profile) for row in ranked}
        told += [count(len(ranked), "test"), count(calls, "LLM call")]
        told += [_TIMES[source] for source in sources if len(sources) == 1]
    if missed := sum(bool(row.run.profile.misses) for row in rows):
        told.append(f"{count(missed, 'test')} stopped by a request that is not recorded")
    told[:1] = [": ".join(["agentperf", *told[:1]])]
    return paint(clip(f" {', '.join(told)} ".center(width, "="), width), "strong")


# -- the table -----------------------------------------------------------------------------------------------------------


def _table(ranked: list[_Row], max_rows: int, width: int, paint: Paint) -> list[str]:
    rows = ranked[:max_rows]
    if not rows:
        return []
    sums = totals(row.numbers for row in ranked) if len(ranked) > 1 else {}
    prefix = common_prefix([row.run.profile.nodeid for row in rows])
    names = [plain(row.run.profile.nodeid.removeprefix(prefix)) for row in rows]
    columns = [column(name, [_cell(row, name) for row in rows], sums) for name in _COLUMNS]
    if len({time_source(row.run.profile) for row in ranked}) > 1:
        sources = [Cell(text=time_source(row.run.profile)) for row in rows] + [Cell(text="")] * bool(sums)
        columns.append(Column(key="time", head=("", "time"), cells=tuple(sources)))
    sum_label = [f"all {count(len(ranked), 'test')}"] if sums else []
    room = width - 2  # for the marks
    fitted = fit(columns, names + sum_label, room, drop=_DROP, sums=bool(sums))
    if max(map(cells, names)) > fitted.room:
        names = without_modules(names)
        fitted = fit(columns, names + sum_label, room, drop=_DROP, sums=bool(sums))
    labels = [Cell(text=name, style=row.style) for name, row in zip(names, rows, strict=True)]
    labels += [Cell(text=label, style="strong") for label in sum_label if fitted.sums]
    marks = ["  "] * 2 + [paint(f"{row.mark or ' '} ", row.style) for row in rows] + ["  "] * fitted.sums
    lines = [mark + line for mark, line in zip(marks, draw(fitted, labels, paint), strict=True)]
    head = [paint(clip(plain(prefix), width), "faint")] if prefix else []
    return [*head, *(line.rstrip() for line in lines), *_without_column(fitted, rows, sums, width)]


def _cell(row: _Row, name: str) -> Cell:
    cell = figure(row.numbers[name], name)
    return Cell(text=f"!{cell.text}", style="bad") if row.breaks(name) else cell


def _without_column(fitted: Fit, rows: list[_Row], sums: dict[str, Total], width: int) -> list[str]:
    """The sums that the table does not show; of a single test, its numbers."""
    shown = {column.key for column in fitted.columns} if fitted.sums or not sums else set()
    sums = sums or totals([rows[0].numbers])
    texts = hidden_sums((name for name in _COLUMNS if name not in shown), sums)
    lead = "all tests" if len(rows) > 1 else "also"
    return sentence(f"  {lead}: {', '.join(texts)}", width) if texts else []


def _left_out(tests: int, active: int, max_rows: int, width: int) -> list[str]:
    if not active:
        return sentence(f"no LLM call was seen in {count(tests, 'test')}" if tests else "no test was measured", width)
    lines = []
    if active > max_rows:
        lines += sentence(
            f"{count(active - max_rows, 'more test')}, faster and cheaper, not shown; to see all: "
            f"--agentperf-json=run.json, then: python -m pytest_agentperf show run.json --rows={active}",
            width,
        )
    if tests > active:
        lines += sentence(f"{count(tests - active, 'test')} without LLM calls not listed", width)
    return lines


# -- what the numbers need to be read --------------------------------------------------------------------------------------


def _limits(ranked: list[_Row], width: int, paint: Paint) -> list[str]:
    """One line for each limit as written, with the number of tests that broke it."""
    broken = Counter(
        f"{violation.limit.text} at {violation.limit.source}" if violation.limit.source else violation.limit.text
        for row in ranked
        for violation in row.run.violations
    )
    return counted("!", broken, "limit", width, paint)


_MOST_FINDINGS = 5


def _findings(rows: list[_Row], width: int, paint: Paint) -> list[str]:
    """Two sentences for each thing that is wrong with the agent, however many tests show it."""
    found = entries(row.run.profile for row in rows)
    lines = []
    for entry in found[:_MOST_FINDINGS]:
        wrong, fix = sentences(entry)
        style = "doubtful" if entry.worst.gating else "faint"
        lines += [paint(line, style) for line in sentence(wrong, width)]
        lines += sentence(f"  {fix}", width)
    if more := len(found) - _MOST_FINDINGS:
        lines += sentence(f"{count(more, 'more finding')}: --agentperf-json", width) if more > 0 else []
    return lines


def _legend(ranked: list[_Row], stopped: list[_Row], width: int, paint: Paint) -> list[str]:
    """What the other marks in the table mean, and what stopped those tests that are not in it."""
    lines = doubts([row.numbers for row in ranked], _COLUMNS, width, paint)
    marked = [row.run for row in (*ranked, *stopped) if row.mark not in ("", "!")]
    for outcome in sorted({run.outcome for run in marked}):
        texts = Counter(
            f"stopped: {_WHICH_CALL.sub('', plain(run.stopped))}" if run.stopped else outcome
            for run in marked
            if run.outcome == outcome
        )
        lines += counted(_MARKS.get(outcome, "F"), texts, "stop", width, paint)
    return lines


def _gauges(rows: list[_Row], width: int) -> list[str]:
    """The team's own numbers: one line each, over all tests."""
    own: dict[tuple[str, str], list[tuple[Gauge, str]]] = defaultdict(list)
    for row in rows:
        for gauge in row.run.profile.gauges:
            own[gauge.name, gauge.unit].append((gauge, row.run.profile.nodeid))
    lines = []
    for (name, unit), found in own.items():
        found.sort(key=lambda pair: pair[0].value)
        (low, low_test), (high, high_test) = found[0], found[-1]
        text = f"metric {plain(name)}: {format_value(low.value, plain(unit))}"
        if len(found) > 1:
            mean = sum(gauge.value for gauge, _ in found) / len(found)
            worst = low_test if low.better == "higher" else high_test
            text = (
                f"metric {plain(name)}: {format_value(low.value, '')} to {format_value(high.value, plain(unit))}, mean "
                f"{format_value(mean, '')} ({count(len(found), 'test')}, worst: {plain(worst)})"
            )
        lines += sentence(text, width)
    return lines


def _notes(report: Report, width: int) -> list[str]:
    notes = Counter(plain(note) for note in report.notes)
    notes.update(
        plain(note)
        for run in report.tests
        for note in {**dict.fromkeys(run.profile.notes), **dict.fromkeys(run.profile.unmodelled)}
    )
    return counted("note:", notes, "note", width, painter(color=False))


def _bugs(report: Report, width: int, paint: Paint) -> list[str]:
    if not report.bugs:
        return []
    versions = ", ".join(f"{name} {version}" for name, version in report.versions)
    lines = [line for bug in dict.fromkeys(report.bugs) for line in sentence(f"bug in agentperf: {plain(bug)}", width)]
    help_ = f"No test's outcome is affected. Please report it {_tracker()}with these lines and: {versions}"
    return [paint(line, "bad") for line in lines] + sentence(help_, width)


def _tracker() -> str:
    """Where, as the installed package says."""
    try:
        urls = metadata("pytest-agentperf").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    places = dict(url.split(", ", 1) for url in urls)
    return f"at {places['Issues']} " if "Issues" in places else ""
