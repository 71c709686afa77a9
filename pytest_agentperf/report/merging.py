"""The shards of a run as one report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_agentperf.model.change import Cause, Share
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.report import Report, TestRun


def merge(reports: Sequence[Report]) -> Report:
    """All tests; one that several shards ran is taken from the last of them, and that is noted.

    Causes with the same key are one, their shares added.
    """
    if len(reports) == 1:
        return reports[0]
    tests: dict[str, TestRun] = {}
    twice = 0
    for report in reports:
        for run in report.tests:
            twice += run.profile.nodeid in tests
            tests[run.profile.nodeid] = run
    notes = dict.fromkeys(note for report in reports for note in report.notes)
    if twice:
        notes[f"{twice:,} tests were in several of the merged runs; the last one counts"] = None
    return Report(
        tests=tuple(tests[nodeid] for nodeid in sorted(tests)),
        causes=_causes(reports),
        notes=tuple(notes),
        bugs=tuple(dict.fromkeys(bug for report in reports for bug in report.bugs)),
        versions=tuple(dict(pair for report in reports for pair in report.versions).items()),
    )


def _causes(reports: Iterable[Report]) -> tuple[Cause, ...]:
    """In the order of the first report that has it."""
    found: dict[tuple[str, str], Cause] = {}
    for report in reports:
        for cause in report.causes:
            key = (cause.kind, cause.key)
            found[key] = _both(found[key], cause) if key in found else cause
    return tuple(sorted(found.values(), key=lambda cause: not cause.gating))


def _both(one: Cause, other: Cause) -> Cause:
    hits = {hit.nodeid: hit for cause in (one, other) for hit in cause.hits}
    sums: dict[str, Share] = {}
    for share in (share for hit in hits.values() for share in hit.shares):
        if share.metric not in METRICS or METRICS[share.metric].adds_up:
            amount = share.amount + sums[share.metric].amount if share.metric in sums else share.amount  # type: ignore[operator]
            sums[share.metric] = replace(share, amount=amount)
    return replace(
        one,
        hits=tuple(hits.values()),
        shares=tuple(sums.values()),
        gating=one.gating or other.gating,
        accepted=one.accepted and other.accepted,
        smallest=one.smallest or other.smallest,
    )
