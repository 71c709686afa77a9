"""What a run has to complain about, one entry a cause: what annotations, code quality and the short reports are made of."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_agentperf.model.change import Cause, Share
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.metric import METRICS, format_amount
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.changes import told
from pytest_agentperf.report.figures import count
from pytest_agentperf.report.findings import entries

Severity = Literal["error", "warning", "info"]
MOST_AMOUNTS = 3
"""As many as the sentence of a cause has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    check: str
    """What found it: `regression/extra-turn`, `limit/latency`, `AP101`."""
    text: str
    """One sentence."""
    severity: Severity
    """`error`: it failed a test. `info`: it is known, or better."""
    tests: tuple[str, ...]
    """Node ids, the worst first."""
    accepted: bool = False
    """A regression, or a gain, that the baselines have taken in since the merge base."""
    shares: tuple[Share, ...] = ()
    """What it costs, where that is known; the costliest first."""
    each: tuple[tuple[Share, ...], ...] = ()
    """What it costs each of the tests, in their order; empty where that is not told."""
    path: str = ""
    line: int = 1
    key: str = ""
    """Equal for the same problem in every run: it holds no measured value."""

    @property
    def amounts(self) -> tuple[str, ...]:
        """The weightiest three of its shares, but for those that the text tells."""
        shares = [share for share in self.shares if share.amount][:MOST_AMOUNTS]
        told = (format_amount(share.metric, share.amount) for share in shares)
        return tuple(amount for amount in told if amount not in self.text)

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits."""
        return hashlib.sha256(f"{self.check}\n{self.key}".encode("utf-8", "backslashreplace")).hexdigest()[:32]


def problems(report: Report) -> list[Problem]:
    """Regressions, then limits that were not kept, then what rules found; of each the costliest first."""
    where = {run.profile.nodeid: run.where for run in report.tests}
    return [*(_of_cause(cause, where) for cause in report.causes), *_limits(report), *_findings(report, where)]


def heading(report: Report, found: Sequence[Problem]) -> str:
    """The run in one line, for who reads no more."""
    if not report.tests:
        return "no test ran"
    tests = count(len(report.tests), "test")
    hit = {test for problem in found if problem.severity == "error" for test in problem.tests}
    others = sum(run.outcome == "failed" and run.profile.nodeid not in hit for run in report.tests)
    errors = sum(problem.severity == "error" for problem in found)
    hints = sum(problem.severity == "warning" for problem in found)
    accepted = sum(problem.accepted for problem in found)
    parts = [f"{count(errors, 'problem')} in {len(hit):,} of {tests}"] if errors else [tests]
    parts += [f"{others:,} failed for other reasons"] if others else [] if errors else ["no problem"]
    parts += [count(hints, "hint")] if hints else []
    parts += [f"{accepted:,} accepted since the merge base"] if accepted else []
    return ", ".join(parts)


def _of_cause(cause: Cause, where: dict[str, str]) -> Problem:
    severity: Severity = "info" if cause.accepted or cause.better else "error" if cause.gating else "warning"
    path, line = _place(cause.where or next((place for test in cause.tests if (place := where.get(test))), ""))
    return Problem(
        check=f"regression/{cause.kind}",
        text=told(cause),
        severity=severity,
        accepted=cause.accepted,
        tests=cause.tests,
        shares=cause.shares,
        each=tuple(hit.shares for hit in cause.hits),
        path=path,
        line=line,
        key=cause.key,
    )


def _limits(report: Report) -> Iterator[Problem]:
    """One for each limit as somebody wrote it."""
    broken: dict[tuple[str, str], list[tuple[TestRun, str]]] = defaultdict(list)
    metric = {}
    for run in report.tests:
        for violation in run.violations:
            limit = violation.limit
            broken[limit.text, limit.source].append((run, violation.message))
            metric[limit.text, limit.source] = limit.metric if limit.metric in METRICS else "own"
    for (text, source), hits in sorted(broken.items(), key=lambda item: -len(item[1])):
        first, message = hits[0]
        path, line = _place(source or first.where)
        yield Problem(
            check=f"limit/{metric[text, source]}",
            text=message
            if len(hits) == 1
            else f"{text} is not kept by {count(len(hits), 'test')}; one of them: {message}",
            severity="error" if any(run.outcome != "xfailed" for run, _ in hits) else "info",
            tests=tuple(run.profile.nodeid for run, _ in hits),
            path=path,
            line=line,
            key=f"{text}\n{source}",
        )


def _findings(report: Report, where: dict[str, str]) -> Iterator[Problem]:
    """One for each rule, place and cause."""
    for entry in entries(run.profile for run in report.tests):
        worst, nodeid = entry.hits[0]
        path, line = _place(worst.where or where[nodeid])
        more = f" (the worst of {count(len(entry.tests), 'test')})" if len(entry.tests) > 1 else ""
        fix = f". {worst.fix[0].upper()}{worst.fix[1:]}" if worst.fix else ""
        yield Problem(
            check=worst.code,
            text=f"{worst.message}{more}{fix}",
            severity="warning",
            tests=tuple(entry.tests),
            shares=_lost([found for found, _ in entry.hits]),
            each=tuple(map(_lost, entry.tests.values())),
            path=path,
            line=line,
            key="\n".join((worst.code, worst.where, worst.cause, *worst.tools, "" if worst.where else nodeid)),
        )


def _lost(findings: Sequence[Finding]) -> tuple[Share, ...]:
    ms = round(sum(finding.lost_ms or 0 for finding in findings))
    tokens = sum(finding.lost_tokens or 0 for finding in findings)
    usd = [finding.lost_usd for finding in findings if finding.lost_usd]
    found = (("latency", ms, "ms"), ("tokens", tokens, "tokens"), ("cost", sum(usd[1:], usd[0]) if usd else 0, "USD"))
    return tuple(Share(metric=metric, amount=amount, unit=unit) for metric, amount, unit in found if amount)


def _place(text: str) -> tuple[str, int]:
    """`path:line`, or a path alone."""
    path, colon, line = text.rpartition(":")
    return (path, int(line)) if colon and line.isdecimal() else (text, 1)
