"""The baseline's side of a run: which tests it fails, what is written, and what is told of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pytest_agentperf import markers, node_id
from pytest_agentperf.judge.baseline_file import BadBaseline
from pytest_agentperf.judge.baselines import Baselines, Tree, module_of, whole_id
from pytest_agentperf.judge.causes import causes
from pytest_agentperf.judge.compared import Compared
from pytest_agentperf.judge.gate import Regressed, Threshold
from pytest_agentperf.judge.limits import Failure
from pytest_agentperf.judge.revisions import GitError, Revision, merge_base, target
from pytest_agentperf.judge.updating import modules_with_baselines, must_not_write, update
from pytest_agentperf.model.change import Verdict
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.options import Settings
from pytest_agentperf.price.cost import OwnPrice

Judge = Callable[[Profile], tuple[Compared, Failure | None]]
"""A test beside its baseline, and what it fails with."""


class Gate:
    """One a pytest process; only the controller's writes."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        own_prices: Mapping[str, OwnPrice],
        thresholds: Callable[[str], Mapping[str, Threshold]],
    ) -> None:
        self.root = config.rootpath
        self._shown = partial(node_id.from_folder, config.invocation_params.dir, self.root)
        self.settings = settings
        self._thresholds = thresholds
        asked = settings.update
        self.refused = bool(asked) and "force" not in asked and must_not_write(os.environ)
        self.updates: Collection[str] = () if self.refused else asked
        self.accepts = [
            verdict
            for word, verdict in (("worse", Verdict.REGRESSION), ("better", Verdict.BETTER))
            if word in self.updates
        ]
        self.store = Baselines(Tree(self.root), settings.baseline, own_prices, lenient="new" in self.updates)
        self.problems: list[str] = []
        """Why baselines were not written that should have been."""

    def plan(self, items: Iterable[pytest.Item]) -> None:
        """Read what these tests are held against. Raises pytest.UsageError."""
        try:
            for item in items:
                self.store.blocks(self.store.path(node_id.of(item)))
                markers.thresholds(item)
        except BadBaseline as problem:
            raise pytest.UsageError(str(problem)) from None

    def judge_of(self, item: pytest.Item) -> Judge:
        return partial(self._judge, {**self._thresholds(node_id.of(item)), **markers.thresholds(item)})

    def _judge(self, thresholds: Mapping[str, Threshold], seen: Profile) -> tuple[Compared, Failure | None]:
        try:
            found = self.store.compare(seen, thresholds, accepts=self.accepts, ratchet=self.settings.ratchet)
        except BadBaseline as problem:
            return Compared(), Failure(str(problem))
        if not (found.fails or (found.new and self.settings.strict and "new" not in self.updates)):
            return found, None
        shown, test = self._shown(str(self.store.path(seen.nodeid))), shlex.quote(self._shown(seen.nodeid))
        if found.new:
            way_out = f"to record it: pytest {test} --agentperf --agentperf-update=new"
            return found, Regressed(f"no baseline for this test in {shown} (--agentperf-strict)\n  {way_out}")
        return found, Regressed(found.message(f" in {shown}", test))

    # -- after the tests -----------------------------------------------------------------------------------------------

    def finish(self, report: Report, ran: Mapping[str, bool], complete: Sequence[Path]) -> Report:
        """Write what is asked for, find the causes, and tell of both.

        `ran`: every test that there is in `complete`, files and folders that ran as a whole, and whether all its phases
        passed. Raises OSError, BadBaseline.
        """
        tests, told = self._written(report.tests, ran, complete)
        report, notes = report.with_tests(tests), [*report.notes, *told]
        try:
            report = report.with_tests(self._since_merge_base(report.tests))
        except (GitError, BadBaseline) as problem:
            notes.append(f"changes since the merge base are not told: {problem}")
        return replace(report, causes=causes(report.tests), notes=tuple(notes))

    def _since_merge_base(self, tests: Sequence[TestRun]) -> Sequence[TestRun]:
        """With what the baselines of this tree have accepted since they left the target's. Raises GitError, BadBaseline."""
        ref = self.settings.against or target(os.environ)
        if ref is None:
            return tests
        then = Baselines(Revision(self.root, merge_base(self.root, ref)), self.settings.baseline, self.store.own_prices)
        found = ((test, self.store.accepted(then, test.profile)) for test in tests)
        return [
            replace(test, accepted=accepted.steps, base=test.base or accepted.base) if accepted.steps else test
            for test, accepted in found
        ]

    def _written(
        self, tests: Sequence[TestRun], ran: Mapping[str, bool], complete: Sequence[Path]
    ) -> tuple[Sequence[TestRun], list[str]]:
        """The tests, told apart by whether they were written, and what is told of that."""
        if self.refused:
            return tests, [
                "baselines are not written because CI is set; --agentperf-update=...,force writes them all the same"
            ]
        modules = {nodeid.partition("::")[0] for nodeid in ran}
        if not self.updates:
            return tests, self._left(modules, ran, complete)
        there = {
            module
            for module in modules_with_baselines(self.root, self.settings.baseline, complete)
            if module in modules or not (self.root / module).exists()
        }
        passed = [test if ran.get(test.profile.nodeid) else replace(test, outcome="failed") for test in tests]
        done = update(self.store, self.root, passed, self.updates, lambda nodeid: nodeid not in ran, sorted(there))
        self.problems += done.refused
        counts = (
            ("new", done.new),
            ("changed", done.changed),
            ("removed", done.removed),
            ("file repaired" if done.repaired == 1 else "files repaired", done.repaired),
        )
        told = ", ".join(f"{number} {what}" for what, number in counts if number)
        nothing = "nothing to write"
        if "removed" in self.updates and not complete:
            nothing += " (which tests are no more is known after a run of a whole file or folder)"
        place = _in([self._shown(file) for file in done.files])
        return [replace(test, written=True) if test.profile.nodeid in done.tests else test for test in tests], [
            f"baselines written: {told or nothing}{place}"
        ]

    def _left(self, modules: Collection[str], ran: Mapping[str, bool], complete: Sequence[Path]) -> list[str]:
        """What stands in the baselines of these modules, or beside them, of tests that are no more: renamed, as a rule."""
        beside = {self.root / self.store.path(module).parent for module in modules}
        gone = [module_of(file) for folder in sorted(beside) for file in sorted(folder.glob("*.txt"))]
        there = {*modules, *(module.relative_to(self.root).as_posix() for module in gone if not module.exists())}
        left = [
            test
            for module in sorted(there)
            if any((self.root / module).is_relative_to(place) for place in complete)
            for name in self.store.blocks(self.store.path(module))
            if (test := whole_id(module, name)) not in ran
        ]
        if not left:
            return []
        of = f"test that is no more, {left[0]}" if len(left) == 1 else f"tests that are no more, the first {left[0]}"
        return [f"baselines hold {len(left):,} {of}: pytest --agentperf-update=removed"]


def _in(files: Sequence[str]) -> str:
    if not files:
        return ""
    return f" in {files[0]}" if len(files) == 1 else f" in {len(files)} files, the first of them {files[0]}"
