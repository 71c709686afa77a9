"""The run as one page that opens from disk, with no server and no request: findings, then tests, each with its waterfall.

The page (`page.html`) is fixed; it draws what stands in it as JSON, compressed: rows of one sort are a table of columns, and
what many of them share stands once, in a list in which they have its place. That makes ten thousand tests fit in three
megabytes (`waterfall.py` does the most for it).
"""

from __future__ import annotations

import base64
import gzip
import json
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.change import Change
from pytest_agentperf.model.metric import METRICS, Measures
from pytest_agentperf.model.number import Number
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.changes import verdict
from pytest_agentperf.report.figures import told_sums
from pytest_agentperf.report.problems import MOST_AMOUNTS, Problem, heading, problems
from pytest_agentperf.report.totals import time_source, totals
from pytest_agentperf.report.waterfall import BAR, CALL, Places, Waterfalls

_SLOT = "<!--data-->"
_PLACES = {name: place for place, name in enumerate(METRICS)}
_WATERFALL = ("bars", "calls", "rest", "base_bars", "base_calls", "base_rest")
_TEST = ("name", "outcome", "time", *_WATERFALL, "changes", "lines")
_CHANGE = ("judgement", "now", "more")

Judgement = tuple[int, str, bool]
"""Of a change: metric, what is said of it, whether it fails the test."""


def render(report: Report) -> str:
    data = json.dumps(to_data(report), ensure_ascii=False, separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(data.encode("utf-8", "backslashreplace"), 6, mtime=0)).decode()
    page = files(__package__).joinpath("page.html").read_text("utf-8")
    return page.replace(_SLOT, packed, 1)


def to_data(report: Report) -> dict[str, Any]:
    """What the page draws: metrics and tests by their places, texts by theirs in `texts`."""
    texts: Places[str] = Places()
    judgements: Places[Judgement] = Places()
    waterfalls = Waterfalls(texts)
    changes: list[Sequence[Any]] = []
    tests = []
    for run, numbers in zip(report.tests, report.numbers, strict=True):
        sizes = waterfalls.add(run.profile, run.base)
        tests.append(_test(run, sizes, texts))
        changes += [_change(change, numbers, judgements) for change in run.changes]
    places = {run.profile.nodeid: place for place, run in enumerate(report.tests)}
    found = problems(report)
    return {
        "heading": heading(report, found),
        "sums": told_sums(totals(report.numbers)),
        "versions": dict(report.versions),
        "notes": [plain(note) for note in (*report.notes, *(f"bug in agentperf: {bug}" for bug in report.bugs))],
        "problems": [_problem(problem, places) for problem in found],
        "metrics": [_metric(name, report.numbers, texts) for name in METRICS],
        "tests": _table(_TEST, tests),
        "changes": _table(_CHANGE, changes),
        "judgements": list(judgements),
        "shapes": [(kind, depth, plain(name), *flags) for kind, depth, name, *flags in waterfalls.shapes],
        "bars": _table(BAR, waterfalls.bars),
        "calls": _table(CALL, waterfalls.calls),
        "streams": waterfalls.streams if any(waterfalls.streams) else [],
        "texts": list(texts),
    }


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _problem(problem: Problem, places: dict[str, int]) -> dict[str, Any]:
    """`each`: metrics, and their amounts in every one of the tests."""
    each: dict[int, dict[str, Number]] = {places[test]: defaultdict(int) for test in problem.tests if test in places}
    for test, shares in zip(problem.tests, problem.each, strict=False):
        for share in shares:
            if test in places:
                each[places[test]][share.metric] += share.amount  # type: ignore[operator]
    metrics = dict.fromkeys(
        share.metric for shares in (problem.shares, *problem.each) for share in shares if share.amount
    )
    return {
        "check": problem.check,
        "text": plain(problem.text),
        "severity": problem.severity,
        "place": f"{problem.path}:{problem.line}" if problem.path else "",
        "id": problem.fingerprint[:10],
        "amounts": problem.amounts,
        "tests": list(each),
        "each": [
            (_PLACES[name], [_number(amounts.get(name, 0)) for amounts in each.values()])
            for name in [*metrics][:MOST_AMOUNTS]
            if problem.each
        ],
    }


def _metric(name: str, numbers: Sequence[Measures], texts: Places[str]) -> dict[str, Any]:
    """`why` and `estimated` are empty where they have nothing to say of any test."""
    measures = [row[name] for row in numbers]
    values = [_number(measure.value) for measure in measures]
    return {
        "label": METRICS[name].label,
        "one": METRICS[name].one,
        "unit": METRICS[name].unit,
        "values": values,
        "why": [texts[plain(measure.why)] for measure in measures] if None in values else [],
        "estimated": [int(measure.estimated) for measure in measures] if any(m.estimated for m in measures) else [],
    }


def _test(run: TestRun, sizes: Sequence[int], texts: Places[str]) -> Sequence[Any]:
    profile = run.profile
    lines = (*_stop(run), *(violation.message for violation in run.violations), *profile.unmodelled, *profile.notes)
    return (
        plain(profile.nodeid),
        texts[run.outcome],
        texts[time_source(profile)],
        *sizes,
        len(run.changes),
        [texts[plain(line)] for line in lines],
    )


def _stop(run: TestRun) -> Iterator[str]:
    """What ended the agent in mid-run, and what to do about a request that is not recorded."""
    if run.stopped:
        yield f"stopped: {run.stopped}"
    if run.profile.misses:
        yield f"to record it: pytest {shlex.quote(run.profile.nodeid)} --agentperf-record=all"


def _change(change: Change, numbers: Measures, judgements: Places[Judgement]) -> Sequence[Any]:
    """`now`: how far it is from the test's number; `more`: by how much it grew. Unknown numbers count as 0 there; None: it
    is unknown itself.
    """
    judgement = judgements[_PLACES[change.metric], verdict(change), change.verdict.fails]
    shown, was, now = numbers[change.metric].value or 0, change.was, change.now
    return (
        judgement,
        None if now is None else _number(now - shown),  # type: ignore[operator]
        None if was is None else _number((now or 0) - was),  # type: ignore[operator]
    )


def _number(value: Any) -> int | float | None:
    return value if value is None or isinstance(value, int) else float(f"{value:.6g}")
