"""`pytest-agentperf review`: a run's causes, accepted one by one into the baselines."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_agentperf import node_id
from pytest_agentperf.comparing import Project, project_arguments, tell
from pytest_agentperf.judge import revisions
from pytest_agentperf.judge.kinds.table import KINDS, LUCK
from pytest_agentperf.judge.updating import must_not_write, record
from pytest_agentperf.model.change import Cause
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report import changes
from pytest_agentperf.report.figures import count, sentence
from pytest_agentperf.report.json_file import read
from pytest_agentperf.report.table import painter
from pytest_agentperf.rootdir import BadConfiguration


def review_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_file", metavar="RUN.JSON", type=Path, help="what --agentperf-json wrote")
    parser.add_argument(
        "--accept",
        metavar="KIND",
        action="append",
        default=[],
        help="accept causes of this kind (or all) without a question; again for more",
    )
    parser.add_argument("--force", action="store_true", help="write where CI is set, too")
    project_arguments(parser)


def run_review(arguments: argparse.Namespace, width: int, *, color: bool, ask: Callable[[str], str]) -> int:
    """Write the baselines of those tests all of whose causes are accepted. Exit status 2 where nothing may be written."""
    if must_not_write(os.environ) and not arguments.force:
        sys.stderr.write("pytest-agentperf review: CI is set, so that no baseline is written; --force writes them\n")
        return 2
    report = read(arguments.run_file)
    _check_kinds(arguments.accept, report)
    stopped = [cause for cause in report.causes if cause.kind == "miss"]
    if stopped:
        tell(
            [
                f"agentperf: {count(len(stopped), 'cause')} not to be accepted but recorded: pytest --agentperf-record=all"
            ]
        )
        tell(changes.causes(stopped, width, painter(color=color)))
    open_ = [cause for cause in report.causes if not cause.accepted and cause not in stopped]
    if not open_:
        nothing = "nothing else to review" if stopped else "nothing to review: no test differs from its baseline"
        tell([f"agentperf: {nothing}"])
        return 0
    project = Project.here(arguments.rootdir, arguments.baseline)
    modules = {nodeid.partition("::")[0] for cause in open_ for nodeid in cause.tests}
    if not any((project.root / module).exists() for module in modules):
        raise BadConfiguration(
            f"{arguments.run_file}: there is no {min(modules)} in {project.root}; --rootdir=DIR says where pytest ran"
        )
    if report.commit and (now := revisions.head(project.root)) not in ("", report.commit):
        tell(sentence(f"agentperf: the run is of commit {report.commit[:12]}, and HEAD is {now[:12]}", width))
    accepted = set()
    for number, cause in enumerate(open_, 1):
        tell(
            ["", f"cause {number} of {len(open_)}: {cause.kind}", *changes.causes([cause], width, painter(color=color))]
        )
        answer = "y" if {cause.kind, "all"} & set(arguments.accept) else _answer(report, cause, width, ask)
        if answer == "q":
            break
        if answer == "y":
            accepted.add(cause.key)
    return _accept(report, open_, accepted, project, width)


def _check_kinds(wanted: Sequence[str], report: Report) -> None:
    """Raises BadConfiguration for a word that is no kind, in this run or in any."""
    here = sorted({cause.kind for cause in report.causes if not cause.accepted and cause.kind != "miss"})
    for kind in wanted:
        if kind not in (*KINDS, *here, "other", "all"):
            there_are = f"the run's causes are of: {', '.join(here)}" if here else "the run has no cause to accept"
            raise BadConfiguration(f"--accept={kind}: there is no such kind; {there_are}")


def _answer(report: Report, cause: Cause, width: int, ask: Callable[[str], str]) -> str:
    """`y`, `n` or `q`, as Ctrl-C. Who is not there to answer says no."""
    while True:
        try:
            answer = ask("accept it into the baseline? [y]es, [n]o, [s]how its tests, [q]uit: ").strip().lower()[:1]
        except EOFError:
            return "n"
        except KeyboardInterrupt:
            return "q"
        if answer == "s":
            for test in report.tests:
                if test.profile.nodeid in cause.tests:
                    tell([test.profile.nodeid, *changes.numbers(test, width)])
        elif answer in ("y", "n", "q"):
            return answer


def _accept(report: Report, causes: Sequence[Cause], accepted: set[str], project: Project, width: int) -> int:
    """Another recording's luck stops nothing: it fails nothing, and goes with what is written."""
    wanted = {nodeid for cause in causes if cause.key in accepted for nodeid in cause.tests}
    refused = {
        nodeid
        for cause in causes
        if cause.key not in accepted and cause.kind not in LUCK
        for nodeid in wanted.intersection(cause.tests)
    }
    free = [test for test in report.tests if test.profile.nodeid in wanted - refused]
    ready = [test.profile for test in free if _whole(test)]
    done = record(replace(project.baselines(), lenient=True), project.root, ready)
    shown = [node_id.from_folder(Path.cwd(), project.root, file) for file in done.files[:3]]
    place = f" in {', '.join(shown)}{' ...' if len(done.files) > 3 else ''}" if done.files else ""
    told = [f"{count(len(accepted), 'cause')} accepted, {count(done.changed, 'baseline')} written{place}"]
    for number, why in (
        (len(refused), "another cause of theirs was not accepted"),
        (len(free) - len(ready), "more than their baseline is wrong with them"),
    ):
        told += [f"{count(number, 'test')} not, for {why}"] if number else []
    tell(["", *sentence("; ".join(told), width), *done.refused])
    return 2 if done.refused else 0


def _whole(test: TestRun) -> bool:
    """Whether nothing but its baseline is wrong with it."""
    return not (test.violations or test.stopped or test.profile.misses)
