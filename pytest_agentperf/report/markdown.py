"""The run as GitHub's and GitLab's Markdown: a page for the summary of a CI job, a short one for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.metric import METRICS, format_number
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.changes import verdict
from pytest_agentperf.report.figures import count, figure, told_sums
from pytest_agentperf.report.problems import Problem, heading, problems
from pytest_agentperf.report.totals import totals

PAGE = 900_000
"""Bytes. GitHub refuses a job's summaries of more than 1 MiB as a whole."""
COMMENT = 60_000
"""Bytes. A comment has at most 65,536 characters."""
MARKER = "<!-- pytest-agentperf -->"
"""Invisible first line of a comment, by which the next run finds it and puts its own in its place."""
_COLUMNS = ("llm_calls", "turns", "tool_calls", "input_tokens", "output_tokens", "cost", "latency")
_SIGNS = {"error": ":x:", "warning": ":warning:", "info": ":information_source:"}
_ROWS = 50


def page(report: Report) -> str:
    """At most `PAGE` bytes of UTF-8."""
    return _render(report, PAGE)


def comment(report: Report) -> str:
    """At most `COMMENT` bytes of UTF-8, the first line `MARKER`."""
    return f"{MARKER}\n{_render(report, COMMENT - len(MARKER) - 1)}"


def _render(report: Report, limit: int) -> str:
    """Blocks in the order of their weight; the first that has no room ends the page, and says so."""
    text, size = "", 0
    ending = "\n_More than fits here: the JSON and HTML reports have all of it._\n"
    room = limit - len(ending.encode())
    for block in _blocks(report):
        size += len(block.encode("utf-8", "backslashreplace"))
        if size > room:
            return text + ending
        text += block
    return text


def _blocks(report: Report) -> Iterator[str]:
    """Each ends a line; a table comes row by row."""
    found = problems(report)
    yield f"### agentperf: {heading(report, found)}\n"
    if found:
        yield "\n| | what | tests | cost of it |\n|---|---|--:|---|\n"
        yield from (_row(_problem(problem)) for problem in found)
    active = [
        (run, numbers)
        for run, numbers in zip(report.tests, report.numbers, strict=True)
        if run.profile.calls or run.violations
    ]
    changed = sorted((run for run, _ in active if run.changes), key=_weight)
    if changed:
        yield f"\n<details><summary>{count(len(changed), 'test')} changed</summary>\n\n"
        yield "| test | metric | was | now | |\n|---|---|--:|--:|---|\n"
        yield from (_row(row) for run in changed[:_ROWS] for row in _changes(run))
        yield f"\n{_rest(len(changed))}</details>\n"
    if active:
        sums = told_sums(totals(numbers for _, numbers in active))
        head = " | ".join(METRICS[name].label for name in _COLUMNS)
        yield f"\n<details><summary>{count(len(active), 'test')} with LLM calls: {sums}</summary>\n\n"
        yield f"| test | {head} |\n|---|{'--:|' * len(_COLUMNS)}\n"
        for run, row in active[:_ROWS]:
            yield _row([code(run.profile.nodeid), *(figure(row[name], name).text for name in _COLUMNS)])
        yield f"\n{_rest(len(active))}</details>\n"
    notes = dict.fromkeys((*report.notes, *(note for run in report.tests for note in run.profile.notes)))
    yield from (f"\n> {text(note)}\n" for note in notes)
    if report.bugs:
        yield "\nBugs in agentperf, which changed no outcome:\n\n"
        yield from (f"- {text(bug)}\n" for bug in report.bugs)


def _problem(problem: Problem) -> list[str]:
    place = f"<br>{code(f'{problem.path}:{problem.line}')}" if problem.path else ""
    example = f", {code(problem.tests[0])}" if len(problem.tests) == 1 else ""
    return [
        _SIGNS[problem.severity],
        f"{text(problem.text)}{place}",
        f"{len(problem.tests):,}{example}",
        "<br>".join(problem.amounts),
    ]


def _changes(run: TestRun) -> Iterator[list[str]]:
    name = code(run.profile.nodeid)
    for change in run.changes:
        was, now = (format_number(change.metric, value) for value in (change.was, change.now))
        yield [name, METRICS[change.metric].label, was, now, text(verdict(change))]
        name = ""


def _rest(rows: int) -> str:
    return f"… and {rows - _ROWS:,} more\n\n" if rows > _ROWS else ""


def _weight(run: TestRun) -> tuple[bool, str]:
    return not any(change.verdict.fails for change in run.changes), run.profile.nodeid


def _row(fields: Iterable[str]) -> str:
    return f"| {' | '.join(fields)} |\n"


def text(value: str) -> str:
    """Of others, in a cell: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>|~#@])", r"\\\1", plain(value)).replace("\\@", "@\u200b")


def code(value: str) -> str:
    """As code, in a cell too, whatever ticks and bars are in it."""
    shown = plain(value).replace("|", "\\|")
    fence = "`" * (max((len(ticks) for ticks in re.findall("`+", shown)), default=0) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"
