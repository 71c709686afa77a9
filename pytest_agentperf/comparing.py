"""`pytest-agentperf compare`: two runs or baselines side by side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pytest_agentperf.judge.baselines import Baselines, Tree
from pytest_agentperf.judge.causes import causes
from pytest_agentperf.judge.compared import compared
from pytest_agentperf.judge.gate import Threshold, comparable, priced
from pytest_agentperf.judge.limits_file import LimitsFile
from pytest_agentperf.judge.revisions import GitError, Revision
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.skeleton_text import write_skeleton
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.price.cost import OwnPrice
from pytest_agentperf.report import changes
from pytest_agentperf.report.figures import count
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
    project_arguments(parser)


def project_arguments(parser: argparse.ArgumentParser) -> None:
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
    tell([f"agentperf: {', '.join(told)}", *changes.causes(report.causes, width, painter(color=color), "compare")])
    tell(changes.legend(report.causes, width))
    for test in report.tests:
        tell([test.profile.nodeid, *changes.numbers(test, width)])
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


def tell(lines: Sequence[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
