"""What differs from the baselines, as lines for a terminal: causes first, numbers after them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.change import Cause, Change, Verdict
from pytest_agentperf.model.metric import METRICS, format_number
from pytest_agentperf.model.report import TestRun
from pytest_agentperf.report.figures import count, sentence
from pytest_agentperf.report.table import Paint

_MOST = 10


def causes(found: Sequence[Cause], width: int, paint: Paint, in_full: str = "--agentperf-json") -> list[str]:
    """A sentence each with its mark, and where to look: the test that it changed most, and the smallest that shows it."""
    lines: list[str] = []
    for cause in found[:_MOST]:
        style = "bad" if cause.gating else ""
        lines += [paint(line, style) for line in sentence(f"{_mark(cause)} {plain(told(cause))}", width)]
        worst = cause.hits[0].nodeid
        small = f", the smallest {plain(cause.smallest)}" if cause.smallest not in ("", worst) else ""
        place = f" ({cause.where})" if cause.where else ""
        lines += sentence(f"    {'most' if cause.better else 'worst'}: {plain(worst)}{place}{small}", width)
        if cause.kind == "miss":
            lines += sentence("    to record them: pytest --lf --agentperf-record=all", width)
    if more := len(found) - _MOST:
        lines += sentence(f"{count(more, 'more cause')}, all in {in_full}", width) if more > 0 else []
    return lines


_MARKS = {"!": "failed a test", "-": "worse, failed nothing", "+": "better", "=": "agreed to"}


def _mark(cause: Cause) -> str:
    return "=" if cause.accepted else "!" if cause.gating else "+" if cause.better else "-"


def legend(found: Sequence[Cause], width: int) -> list[str]:
    """What the marks of these causes mean; nothing where all that there is failed a test."""
    used = {_mark(cause) for cause in found[:_MOST]}
    shown = ", ".join(f"{mark} {meaning}" for mark, meaning in _MARKS.items() if mark in used)
    return sentence(shown, width) if used - {"!"} else []


def told(cause: Cause) -> str:
    """Its sentence, and whether somebody has agreed to it."""
    return f"{'accepted since the merge base: ' if cause.accepted else ''}{cause.sentence}"


def counts(tests: Iterable[TestRun], width: int) -> list[str]:
    """How many tests are worse, better and the same, and what to type. Nothing where no test could be compared."""
    kinds: Counter[str] = Counter()
    open_: Counter[str] = Counter()
    for test in tests:
        found = _kinds(test)
        kinds.update(found)
        open_.update([] if test.written else found)
    told = [f"{kinds[name]:,} {name}" for name in (*_KINDS, *_QUIET) if kinds[name]]
    if not told:
        return []
    words = [word for word, kind in (("new", _NONE), ("worse", "worse"), ("better", "better")) if open_[kind]]
    way_out = f"; to accept: pytest --agentperf-update={','.join(words)}" if words else ""
    return sentence(f"against the baseline: {', '.join(told)}{way_out}", width)


_KINDS = {
    "worse": {Verdict.REGRESSION},
    "accepted": {Verdict.ACCEPTED},
    "better": {Verdict.BETTER, Verdict.UNRECORDED},
}
_QUIET = _NOT_JUDGED, _WITHIN, _SAME, _NONE = "not judged", "within the thresholds", "the same", "without one"


def _kinds(test: TestRun) -> list[str]:
    """A test can be worse in one number and better in another; else it is told once."""
    verdicts = {change.verdict for change in test.changes}
    if found := [name for name, those in _KINDS.items() if verdicts & those]:
        return found
    if Verdict.NOT_JUDGED in verdicts:
        return [_NOT_JUDGED]
    if test.held:
        return [_WITHIN if verdicts else _SAME]
    return [_NONE] if test.new and not test.written else []


def numbers(test: TestRun, width: int) -> list[str]:
    """Each number of a test that changed."""
    return [line for change in test.changes for line in sentence(f"    {_number(change)}", width)]


def _number(change: Change) -> str:
    was, now = (format_number(change.metric, value) for value in (change.was, change.now))
    said = verdict(change)
    return f"{METRICS[change.metric].label} {was} -> {now}{f' ({said})' if said else ''}"


def verdict(change: Change) -> str:
    """Why it is told; empty for a number that is only shown."""
    if change.verdict is Verdict.WITHIN:
        return change.why
    return ": ".join(filter(None, (change.verdict.value, change.why)))
