"""The shards of a run as one report."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_agentperf.judge.causes import causes
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.figures import count


def merge(reports: Sequence[Report]) -> Report:
    """All tests; one that several shards ran is taken from the last of them, and that is noted.

    Causes are found anew over the tests of all.
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
        notes[f"in several of the merged runs: {count(twice, 'test')}; the last run of it counts"] = None
    commits = dict.fromkeys(report.commit for report in reports)
    if len(commits) > 1:
        notes[f"the merged runs are of several commits: {', '.join(one or 'unknown' for one in commits)}"] = None
    return Report(
        tests=tuple(tests[nodeid] for nodeid in sorted(tests)),
        causes=causes(tests.values()),
        notes=tuple(notes),
        bugs=tuple(dict.fromkeys(bug for report in reports for bug in report.bugs)),
        versions=tuple(dict(pair for report in reports for pair in report.versions).items()),
        commit=reports[0].commit if len(commits) == 1 else "",
    )
