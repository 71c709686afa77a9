"""A whole run, as the reports read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from pytest_agentperf.model.change import Cause, Change, Step
from pytest_agentperf.model.codec import no_collection
from pytest_agentperf.model.limit import Violation
from pytest_agentperf.model.metric import Measures, measured
from pytest_agentperf.model.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    __test__ = False  # not a test class, whatever pytest thinks of its name

    outcome: str
    """pytest's word: `passed`, `failed`, `skipped`, `xfailed`, `xpassed`."""
    violations: tuple[Violation, ...] = ()
    """Limits not kept. Where the test's body failed by itself they were not judged."""
    stopped: str = ""
    """What ended the agent in mid-run (a budget, a request that is not in the cassette, a deadlock), in one line."""
    worker: str = ""
    """xdist's worker; empty without."""
    where: str = ""
    """`path:line` of the test's `def`, from the root of the project; empty where pytest does not know."""
    changes: tuple[Change, ...] = ()
    """Numbers that are not what the baseline says, in the order of `METRICS`."""
    base: Profile | None = None
    """What the baseline says, or the merge base's, where it is not the same: a skeleton (see `judge.skeleton`), for a look side by side."""
    steps: tuple[Step, ...] = ()
    """Why it is not the same."""
    accepted: tuple[Step, ...] = ()
    """What this tree's baseline says otherwise than the merge base's, and why."""
    held: bool = False
    """It has a baseline, and its numbers were held against that."""
    new: bool = False
    """It could be compared, and the baseline does not know it."""
    written: bool = False
    """This run wrote it into the baseline (`--agentperf-update`)."""
    profile: Profile


@dataclass(frozen=True, kw_only=True)
class Report:
    """Without slots: it keeps what each of the reports made of it would work out again."""

    tests: tuple[TestRun, ...]
    """Sorted by node id."""
    causes: tuple[Cause, ...] = ()
    """Why numbers changed: those that failed a test first, then the costliest."""
    notes: tuple[str, ...] = ()
    """About the run as a whole."""
    bugs: tuple[str, ...] = ()
    """Errors of our own that were kept away from the tests, one line each."""
    versions: tuple[tuple[str, str], ...] = ()
    """Of what the numbers depend on: this plugin, the price table."""
    commit: str = ""
    """That was checked out; empty where git does not say, or nobody asked it, for the run was not stored."""
    texts: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The tests' JSON as it travelled, to be written as it is: in a run of thousands to make it again takes half a second.

    Empty of a test that was changed since.
    """

    def with_tests(self, tests: Sequence[TestRun]) -> Report:
        """The same run with others in the place of some of its tests."""
        texts = [text if now is before else "" for now, before, text in zip(tests, self.tests, self.texts, strict=True)]
        return replace(self, tests=tuple(tests), texts=tuple(texts))

    @cached_property
    def numbers(self) -> tuple[Measures, ...]:
        """Of each test."""
        with no_collection():
            return tuple([measured(run.profile) for run in self.tests])
