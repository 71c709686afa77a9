"""`pytest-agentperf compare` and `review`: two runs or baselines side by side, and a run's causes accepted one by one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pytest_agentperf import node_id
from pytest_agentperf.judge import revisions
from pytest_agentperf.judge.baselines import Baselines, Tree
from pytest_agentperf.judge.causes import causes
from pytest_agentperf.judge.compared import compared
from pytest_agentperf.judge.gate import Threshold, comparable, priced
from pytest_agentperf.judge.kinds.table import KINDS, LUCK
from pytest_agentperf.judge.limits_file import LimitsFile
from pytest_agentperf.judge.revisions import GitError, Revision
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.skeleton_text import write_skeleton
from pytest_agentperf.judge.updating import must_not_write, record
from pytest_agentperf.model.change import Cause
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.price.cost import OwnPrice
from pytest_agentperf.report import changes
from pytest_agentperf.report.figures import count, sentence
from pytest_agentperf.report.json_file import read
from pytest_agentperf.report.table import painter
from pytest_agentperf.rootdir import BadConfiguration, find

_ALL_SHOWN = {name: Threshold(gates=False) for name in METRICS}


@dataclass(frozen=True, slots=True)
class Side:
    """A test in one of two runs."""

    trace: str
    """Equal traces, equal runs."""
    skeleton: Callable[[], Profile]
    """What it says; raises BadBaseline."""
    live: bool = False
    """A provider answered: then its numbers say little, and judge nothing."""
    finished: bool = True
    """Else its numbers are those of a part."""


Sides = Mapping[str, Side]
"""By node id."""


@dataclass(frozen=True, slots=True)
class Project:
    """What the project that one stands in says: where its baselines are, prices and thresholds."""

    root: Path
    folder: str
    limits: LimitsFile
    own_prices: Mapping[str, OwnPrice]

    @classmethod
    def here(cls, rootdir: Path | None = None, folder: str | None = None) -> Project:
        """As a run would read it that starts in this folder, but for what is given. Raises BadConfiguration."""
        import pytest  # takes longer than `show` does

        from pytest_agentperf import project
        from pytest_agentperf.options import Settings

        found = find(Path.cwd())
        if rootdir is not None:
            found = replace(found, rootpath=rootdir.resolve())
        try:
            settings = Settings.read(found)
            said = project.Project(found, settings)
            return cls(found.rootpath, folder or settings.baseline, said.limits_file or LimitsFile(), said.own_prices)
        except pytest.UsageError as problem:
            raise BadConfiguration(str(problem)) from None

    def baselines(self) -> Baselines:
        return Baselines(Tree(self.root), self.folder, self.own_prices)

    def sides(self, name: str) -> Sides:
        """Of a run's file, a git revision, or where the name is empty the baselines as they are here.

        Raises UnreadableRun, BadBaseline and GitError.
        """
        if not name:
            return _committed(self.baselines())
        if Path(name).is_file():
            return {
                test.profile.nodeid: _ran(test)
                for test in read(Path(name)).tests
                if test.profile.calls or test.stopped or test.profile.misses
            }
        try:
            source = Revision(self.root, name)
        except GitError as problem:
            raise GitError(f"{name}: neither a file nor a git revision ({problem})") from None
        return _committed(Baselines(source, self.folder, self.own_prices))


def _ran(test: TestRun) -> Side:
    """What failed for no reason of ours failed in its body, and says no more than what was stopped there."""
    seen = test.profile
    ours = test.violations or any(change.verdict.fails for change in test.changes)
    finished = not (test.stopped or seen.misses) and (test.outcome != "failed" or bool(ours))
    return Side(write_skeleton(seen), partial(skeleton, seen), bool(comparable(seen)), finished)


def _committed(baselines: Baselines) -> Sides:
    return {
        nodeid: Side(block.trace, partial(block.profile, nodeid, str(baselines.path(nodeid))))
        for nodeid, block in baselines.everything()
    }


def compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="what was: a run.json, or a git revision with baselines")
    parser.add_argument(
        "b", metavar="B", nargs="?", default="", help="what is (default: the baselines as they are here)"
    )
    _project_arguments(parser)


def _project_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rootdir",
        metavar="DIR",
        type=Path,
        help="pytest's (default: the folder of its ini file, from here upwards)",
    )
    parser.add_argument("--baseline", metavar="NAME", help="name of the baselines' folders (default: as the ini says)")


def run_compare(arguments: argparse.Namespace, width: int, *, color: bool) -> int:
    """Exit status 1 where something is worse than the thresholds allow, or cannot be seen for a test of B did not finish."""
    project = Project.here(arguments.rootdir, arguments.baseline)
    base, head = project.sides(arguments.a), project.sides(arguments.b)
    cut = {
        name: {nodeid for nodeid, side in sides.items() if not side.finished}
        for name, sides in (("A", base), ("B", head))
    }
    base, head = (
        {nodeid: side for nodeid, side in sides.items() if nodeid not in cut["A"] | cut["B"]} for sides in (base, head)
    )
    report = side_by_side(project, base, head)
    both = len(base.keys() & head.keys())
    told = [f"{count(both, 'test')} compared, {len(report.tests):,} changed"]
    told += [
        f"{len(one.keys() - other.keys()):,} only in {name}"
        for one, other, name in ((base, head, "A"), (head, base, "B"))
        if one.keys() - other.keys()
    ]
    told += [f"{count(len(tests), 'test')} did not finish in {name}: left out" for name, tests in cut.items() if tests]
    _tell([f"agentperf: {', '.join(told)}", *changes.causes(report.causes, width, painter(color=color), "compare")])
    _tell(changes.legend(report.causes, width))
    for test in report.tests:
        _tell([test.profile.nodeid, *changes.numbers(test, width)])
    return int(bool(cut["B"]) or any(change.verdict.fails for test in report.tests for change in test.changes))


def side_by_side(project: Project, base: Sides, head: Sides) -> Report:
    """The tests of both that changed, and why. Raises BadBaseline."""
    tests = []
    for nodeid in sorted(base.keys() & head.keys()):
        was, now = base[nodeid], head[nodeid]
        if was.trace == now.trace:
            continue
        live = was.live or now.live
        old, new = (priced(side.skeleton(), project.own_prices) for side in (was, now))
        found = compared(old, new, _ALL_SHOWN if live else project.limits.thresholds(nodeid), project.own_prices)
        if found.changes:
            tests.append(TestRun(profile=new, outcome="passed", changes=found.changes, base=old, steps=found.steps))
    return Report(tests=tuple(tests), causes=causes(tests))


# -- review ----------------------------------------------------------------------------------------------------------------


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
    _project_arguments(parser)


def run_review(arguments: argparse.Namespace, width: int, *, color: bool, ask: Callable[[str], str]) -> int:
    """Write the baselines of those tests all of whose causes are accepted. Exit status 2 where nothing may be written."""
    if must_not_write(os.environ) and not arguments.force:
        sys.stderr.write("pytest-agentperf review: CI is set, so that no baseline is written; --force writes them\n")
        return 2
    report = read(arguments.run_file)
    _check_kinds(arguments.accept, report)
    stopped = [cause for cause in report.causes if cause.kind == "miss"]
    if stopped:
        _tell(
            [
                f"agentperf: {count(len(stopped), 'cause')} not to be accepted but recorded: pytest --agentperf-record=all"
            ]
        )
        _tell(changes.causes(stopped, width, painter(color=color)))
    open_ = [cause for cause in report.causes if not cause.accepted and cause not in stopped]
    if not open_:
        nothing = "nothing else to review" if stopped else "nothing to review: no test differs from its baseline"
        _tell([f"agentperf: {nothing}"])
        return 0
    project = Project.here(arguments.rootdir, arguments.baseline)
    modules = {nodeid.partition("::")[0] for cause in open_ for nodeid in cause.tests}
    if not any((project.root / module).exists() for module in modules):
        raise BadConfiguration(
            f"{arguments.run_file}: there is no {min(modules)} in {project.root}; --rootdir=DIR says where pytest ran"
        )
    if report.commit and (now := revisions.head(project.root)) not in ("", report.commit):
        _tell(sentence(f"agentperf: the run is of commit {report.commit[:12]}, and HEAD is {now[:12]}", width))
    accepted = set()
    for number, cause in enumerate(open_, 1):
        _tell(
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
                    _tell([test.profile.nodeid, *changes.numbers(test, width)])
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
    _tell(["", *sentence("; ".join(told), width), *done.refused])
    return 2 if done.refused else 0


def _whole(test: TestRun) -> bool:
    """Whether nothing but its baseline is wrong with it."""
    return not (test.violations or test.stopped or test.profile.misses)


def _tell(lines: Sequence[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
