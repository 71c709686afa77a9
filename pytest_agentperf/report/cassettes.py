"""What `inspect` found in cassettes: for people a table, for programs a JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_agentperf.analyze.text import clip, plain
from pytest_agentperf.model.codec import to_json
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.metric import Measures, measured
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.report.figures import Rows, column, count, doubts, figure, hidden_sums, sentence
from pytest_agentperf.report.json_file import measure_json, total_json
from pytest_agentperf.report.table import SUMS, Cell, Column, draw, fit, painter
from pytest_agentperf.report.totals import Total, totals

FORMAT = "pytest-agentperf cassettes"
FORMAT_VERSION = 1
# 1: the first

_COLUMNS = (
    "llm_calls",
    "turns",
    "tool_calls",
    "input_tokens",
    "cache_read_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "llm_time",
    "ttft",
)
_DROP = (
    "reasoning_tokens",
    "cache_read_tokens",
    SUMS,
    "turns",
    "tool_calls",
    "ttft",
    "output_tokens",
    "input_tokens",
    "time",
    "llm_calls",
    "cost",
    "llm_time",
)
"""What a narrow terminal goes without, first to last."""
_NOT_THERE = ("latency", "tool_time", "tool_overlap", "tool_runs", "cpu", "memory")
"""Of a test that ran; a file knows only its calls."""
_ROWS = Rows(name="cassette", in_full="--json")
_TIMES = {
    "recorded": "time as recorded",
    "stated": "time as stated by the provider",
    "mixed": "time in part as recorded",
}


def render(profiles: Sequence[Profile], *, width: int, color: bool) -> list[str]:
    """A heading, a row for each cassette with LLM calls in the given order, a line of sums, what the marks mean.

    Names stand under their folder, which is named where it changes.
    """
    paint = painter(color=color)
    active = [profile for profile in profiles if profile.calls]
    heading = paint(clip(f" {', '.join(_summary(active))} ".center(width, "="), width), "strong")
    if not active:
        return [heading, *sentence(f"no LLM call in {count(len(profiles), 'cassette')}", width)]
    rows = [measured(profile) for profile in active]
    sums = _sums(rows) if len(rows) > 1 else {}
    paths = [profile.nodeid.rpartition("/") for profile in active]
    labels = [Cell(text=plain(name)) for _, _, name in paths]
    labels += [Cell(text=f"all {count(len(rows), 'cassette')}", style="strong")] if sums else []
    columns = [column(name, [figure(row[name], name) for row in rows], sums) for name in _COLUMNS]
    if len({time_of(profile) for profile in active} - {""}) > 1:
        times = [Cell(text=time_of(profile)) for profile in active] + [Cell(text="")] * bool(sums)
        columns.append(Column(key="time", head=("", "time"), cells=tuple(times)))
    fitted = fit(columns, [label.text for label in labels], width, drop=_DROP, sums=bool(sums))
    lines = [line.rstrip() for line in draw(fitted, labels if fitted.sums or not sums else labels[:-1], paint)]
    table = lines[:2]
    for at, line in enumerate(lines[2:]):
        if at < len(paths) and paths[at][0] != (paths[at - 1][0] if at else ""):
            table.append(paint(clip(plain(f"{paths[at][0]}/"), width), "faint"))
        table.append(line)
    shown = {one.key for one in fitted.columns} if fitted.sums or not sums else set()
    hidden = hidden_sums((name for name in _COLUMNS if name not in shown), sums or _sums(rows))
    silent = len(profiles) - len(active)
    return [
        heading,
        *table,
        *(sentence(f"{'all cassettes' if sums else 'also'}: {', '.join(hidden)}", width) if hidden else []),
        *(sentence(f"{count(silent, 'cassette')} without LLM calls not listed", width) if silent else []),
        *doubts(rows, _COLUMNS, width, paint, _ROWS),
    ]


def _summary(active: Sequence[Profile]) -> list[str]:
    calls = [call for profile in active for call in profile.calls]
    failed = sum(call.error is not None for call in calls)
    times = {time_of(profile) for profile in active} - {""}
    return [
        f"agentperf: {count(len(active), 'cassette')}",
        count(len(calls), "LLM call"),
        *([f"{failed:,} of them failed"] if failed else []),
        *(_TIMES[time] for time in times if len(times) == 1),
    ]


def _sums(rows: Sequence[Measures]) -> dict[str, Total]:
    return {name: total for name, total in totals(rows).items() if name not in _NOT_THERE}


def time_of(profile: Profile) -> str:
    """Where the times of a cassette's calls come from: `recorded`, `stated`, both (`mixed`), or neither (empty)."""
    sources = {call.timing for call in profile.calls} - {Timing.UNKNOWN}
    return "mixed" if len(sources) > 1 else next((source.value for source in sources), "")


def to_document(
    profiles: Sequence[Profile], problems: Sequence[tuple[str, str]], versions: Mapping[str, str]
) -> dict[str, Any]:
    """All numbers of each cassette and each of its calls, and the files that could not be read, with their reasons.

    `totals` tells how many cassettes could not say their part of a sum.
    """
    rows = [measured(profile) for profile in profiles]
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "versions": dict(versions),
        "totals": {
            "cassettes": len(profiles),
            **{name: total_json(name, total, "cassettes") for name, total in _sums(rows).items()},
        },
        "problems": [{"path": path, "problem": problem} for path, problem in problems],
        "cassettes": [
            {
                "path": profile.nodeid,
                "time": time_of(profile),
                "metrics": {
                    name: measure_json(name, measure) for name, measure in row.items() if name not in _NOT_THERE
                },
                "calls": to_json(profile.calls),
            }
            for profile, row in zip(profiles, rows, strict=True)
        ],
    }
