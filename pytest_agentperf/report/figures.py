"""Measures and totals as cells of a table, and the lines below it that say what their marks mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import NamedTuple

from pytest_agentperf.model.metric import METRICS, Measure, Measures
from pytest_agentperf.model.number import format_value
from pytest_agentperf.report.reasons import why_unknown
from pytest_agentperf.report.table import Cell, Column, Paint, aligned
from pytest_agentperf.report.totals import Total

_MOST_LINES = 8
"""Of each kind below the table."""


class Rows(NamedTuple):
    """How texts speak of the rows of a table."""

    name: str = "test"
    in_full: str = "--agentperf-json"
    """Where everything can be read that a table leaves out."""


TESTS = Rows()


def figure(measure: Measure, name: str) -> Cell:
    text = format_value(measure.value, _unit_in_cell(name), estimated=measure.estimated)
    style = "doubtful" if measure.value is None or measure.estimated else "" if measure.value else "faint"
    return Cell(text=text, style=style)


def column(name: str, figures: Sequence[Cell], sums: dict[str, Total]) -> Column:
    """Of a metric; where there are sums, with a last cell for them."""
    metric = METRICS[name]
    last = [_sum(sums[name], name) if name in sums else Cell(text="")] if sums else []
    head = ("", metric.title) if metric.unit == metric.title else (metric.title, metric.unit)
    return Column(key=name, head=head, cells=aligned([*figures, *last]))


def _sum(total: Total, name: str) -> Cell:
    return Cell(text=_total_text(total, _unit_in_cell(name)), style="strong")


def _total_text(total: Total, unit: str) -> str:
    least = ">" if total.unknown and total.value is not None else ""
    return least + format_value(total.value, unit, estimated=total.estimated)


def _unit_in_cell(name: str) -> str:
    """The heading has it, but for the sign that money always carries."""
    return "USD" if METRICS[name].unit == "USD" else ""


def hidden_sums(names: Iterable[str], sums: dict[str, Total]) -> list[str]:
    """Sums as words, for what the table does not show."""
    units = {name: METRICS[name].unit if METRICS[name].unit in ("ms", "USD") else "" for name in names}
    return [f"{METRICS[name].label} {_total_text(sums[name], unit)}" for name, unit in units.items() if name in sums]


def told_sums(sums: dict[str, Total]) -> str:
    """What a run cost, for who reads no more."""
    return ", ".join(hidden_sums(("llm_calls", "tokens", "cost", "latency"), sums))


def doubts(
    measured: Iterable[Measures], names: Sequence[str], width: int, paint: Paint, rows: Rows = TESTS
) -> list[str]:
    """What `?`, `>` and `~` mean in a table with columns of these names."""
    measures = [[(METRICS[name].title, row[name]) for name in names] for row in measured]
    lines = counted("?", why_unknown(measures), "reason", width, paint, rows)
    if lines and len(measures) > 1:
        lines.append(f"> at least: the {rows.name}s with ? are not in it")
    if estimates := sum(any(measure.estimated for _, measure in row) for row in measures):
        lines += counted("~", Counter({"estimated, because the wire does not say": estimates}), "", width, paint, rows)
    return lines


def counted(mark: str, texts: Counter[str], what: str, width: int, paint: Paint, rows: Rows = TESTS) -> list[str]:
    """The most frequent ones with their numbers of rows, then how many are left out."""
    ranked: Sequence[tuple[str, int]] = sorted(texts.items(), key=lambda item: (-item[1], item[0]))
    lines = []
    for text, number in ranked[:_MOST_LINES]:
        shared = f" ({count(number, rows.name)})" if number > 1 else ""
        wrapped = sentence(f"{mark} {text}{shared}", width)
        lines += [paint(wrapped[0], "bad" if mark == "!" else ""), *wrapped[1:]]
    if len(ranked) > _MOST_LINES:
        lines.append(f"{mark} {count(len(ranked) - _MOST_LINES, f'more {what}')}, all in {rows.in_full}")
    return lines


def sentence(text: str, width: int) -> list[str]:
    lead = len(text) - len(text.lstrip(" "))
    return wrap(text, max(width, 20), subsequent_indent=" " * (lead + 2), break_on_hyphens=False) or [""]


def count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
