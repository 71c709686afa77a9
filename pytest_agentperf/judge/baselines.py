"""Where baselines stand, and a test's verdict against its own: what the gate reads and `--agentperf-update` writes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from pytest_agentperf.judge.baseline_file import BadBaseline, Block, block, from_text, salvage, to_text
from pytest_agentperf.judge.causes import explain, luck
from pytest_agentperf.judge.gate import Thresholds, comparable, compare, priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.skeleton_text import without_times, write_skeleton
from pytest_agentperf.judge.whole_file import whole_file
from pytest_agentperf.model.change import Change, Step, Verdict
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.report import TestRun
from pytest_agentperf.price.cost import OwnPrice

CATEGORIES = ("new", "better", "worse", "removed")
"""What `--agentperf-update` may be told to write."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A test beside its baseline."""

    changes: tuple[Change, ...] = ()
    base: Profile | None = None
    """The baseline's skeleton, priced; None where there is none or the test does the same."""
    steps: tuple[Step, ...] = ()
    """Why it does not."""
    new: bool = False

    @property
    def fails(self) -> bool:
        return any(change.verdict.fails for change in self.changes)


class Source(Protocol):
    """Where the files come from. Paths are from the root of the project."""

    def read(self, path: PurePosixPath) -> str | None:
        """The text of a file; None where there is none. Raises OSError."""

    def paths(self) -> Iterable[PurePosixPath]:
        """Of all text files."""


@dataclass(slots=True)
class Baselines:
    """All baselines of a project; each file is read once, when a test of its module asks."""

    source: Source
    folder: str = "agentperf_baseline"
    """Beside the test modules."""
    own_prices: Mapping[str, OwnPrice] = field(default_factory=dict)
    lenient: bool = False
    """What cannot be read is as if it were not there: it will be written again, or nobody depends on it."""
    torn: dict[PurePosixPath, set[str]] = field(default_factory=dict)
    """Files that are damaged, and the tests whose blocks are lost with that."""
    _files: dict[PurePosixPath, dict[str, Block]] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether there is any baseline among the files that were read."""
        return any(self._files.values())

    def path(self, nodeid: str) -> PurePosixPath:
        """The file of a test's module: `tests/agentperf_baseline/test_trip.txt`, from the root of the project."""
        return _beside(nodeid.partition("::")[0], self.folder)

    def blocks(self, path: PurePosixPath) -> dict[str, Block]:
        """By the tests' ids behind their module. Raises BadBaseline."""
        if path not in self._files:
            try:
                text = self.source.read(path)
            except (OSError, UnicodeDecodeError) as problem:
                raise BadBaseline(f"{path}: cannot be read: {problem}") from None
            try:
                self._files[path] = from_text(text, str(path)) if text is not None else {}
            except BadBaseline:
                if text is None or not self.lenient:
                    raise
                self._files[path], self.torn[path] = salvage(text, str(path))
        return self._files[path]

    def block(self, nodeid: str) -> Block | None:
        return self.blocks(self.path(nodeid)).get(name_in_module(nodeid))

    def profile(self, nodeid: str) -> Profile | None:
        """The skeleton of a test, priced; None where there is none. Raises BadBaseline."""
        if (found := self.block(nodeid)) is None:
            return None
        return priced(found.profile(nodeid, str(self.path(nodeid))), self.own_prices)

    def cost(self, nodeid: str) -> Decimal | None:
        """In US dollars, at the prices when it was written; None where nobody knew."""
        found = self.block(nodeid)
        return found.cost if found else None

    def everything(self) -> Iterator[tuple[str, Block]]:
        """Every test of the project that has a baseline. Raises BadBaseline."""
        for path in self.source.paths():
            if path.parent.name == self.folder:
                module = path.parent.parent / (path.stem if "." in path.stem else f"{path.stem}.py")
                yield from ((f"{module}::{name}", known) for name, known in self.blocks(path).items())

    def compare(
        self, head: Profile, thresholds: Thresholds, *, accepts: Collection[Verdict] = (), ratchet: bool = False
    ) -> Compared:
        """Raises BadBaseline."""
        known = self.block(head.nodeid)
        fresh = Compared(new=head.clock is ClockKind.VIRTUAL and not comparable(head))
        if known is None:
            return fresh
        if write_skeleton(head) == known.trace:
            return Compared()
        if head.calls and comparable(head):
            return Compared()
        try:
            base, now, steps = self._explained(known, head)
        except BadBaseline:
            if not self.lenient:
                raise
            return fresh
        changes = compare(base, now, thresholds, accepts=accepts, ratchet=ratchet, luck=luck(steps))
        if not changes and head.clock is not base.clock:
            return Compared()
        return Compared(changes, base, steps)

    def accepted(self, since: Baselines, seen: Profile) -> Compared:
        """What these baselines have accepted of a test since those: on the way to what its run says, if they have let it go.

        Raises BadBaseline.
        """
        then, now = since.block(seen.nodeid), self.block(seen.nodeid)
        if then is None or (now is not None and now.trace == then.trace):
            return Compared()
        base = since.profile(seen.nodeid)
        head = self.profile(seen.nodeid) or priced(skeleton(seen), self.own_prices)
        return Compared(base=base, steps=explain(base, head, self.own_prices, seen) if base else ())

    def _explained(self, known: Block, head: Profile) -> tuple[Profile, Profile, tuple[Step, ...]]:
        """Both sides as priced skeletons, and the way from one to the other."""
        base = priced(known.profile(head.nodeid, str(self.path(head.nodeid))), self.own_prices)
        now = priced(skeleton(head), self.own_prices)
        return base, now, explain(base, now, self.own_prices, head)


@cache
def _beside(module: str, folder: str) -> PurePosixPath:
    path = PurePosixPath(module)
    return path.parent / folder / f"{path.name.removesuffix('.py')}.txt"


def name_in_module(nodeid: str) -> str:
    """`TestTrip::test_plans[a]`; of an item that is a whole file, its id."""
    return nodeid.partition("::")[2] or nodeid


@dataclass(frozen=True, slots=True)
class Tree:
    """Files below a folder."""

    root: Path

    def read(self, path: PurePosixPath) -> str | None:
        try:
            return (self.root / path).read_text("utf-8")
        except FileNotFoundError:
            return None

    def paths(self) -> Iterable[PurePosixPath]:
        return (PurePosixPath(path.relative_to(self.root)) for path in sorted(self.root.rglob("*.txt")))


# -- what is written -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an update did."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    repaired: int = 0
    """Files that were damaged."""
    files: tuple[str, ...] = ()
    tests: frozenset[str] = frozenset()
    """Node ids of those that were written."""
    refused: tuple[str, ...] = ()
    """Why damaged files are left as they are, a sentence each."""


class _Draft:
    """A file as it will be. What was damaged in it stays, unless each test that lost its block there is written or gone."""

    def __init__(self, baselines: Baselines, path: PurePosixPath) -> None:
        self.path = path
        self.blocks = dict(baselines.blocks(path))
        self.lost = set(baselines.torn.get(path, ()))
        self.tests: set[str] = set()
        """Node ids of those that are new in it, or other than before."""
        self.counts: Counter[str] = Counter(repaired=int(path in baselines.torn))

    def put(self, nodeid: str, block: Block, kind: str) -> None:
        name = name_in_module(nodeid)
        self.blocks[name] = block
        self.lost.discard(name)
        self.tests.add(nodeid)
        self.counts[kind] += 1

    def remove(self, name: str) -> None:
        self.blocks.pop(name, None)
        self.lost.discard(name)
        self.counts["removed"] += 1

    @property
    def refused(self) -> str:
        """Why it must not be written; empty where it may."""
        if not self.lost:
            return ""
        first, *more = sorted(self.lost)
        names = f"{first} and {len(more)} more" if more else first
        return (
            f"{self.path} is left as it is: what it says of {names} cannot be read, and no run of it that passed is there "
            "to be written instead: let it pass, or repair the file by hand"
        )


class _Drafts(dict[PurePosixPath, _Draft]):
    """The files that change."""

    def __init__(self, baselines: Baselines) -> None:
        self.baselines = baselines

    def __missing__(self, path: PurePosixPath) -> _Draft:
        return self.setdefault(path, _Draft(self.baselines, path))

    def put(self, profile: Profile, kind: str = "changed") -> None:
        written = block(priced(profile, self.baselines.own_prices))
        self[self.baselines.path(profile.nodeid)].put(profile.nodeid, written, kind)

    def write(self, root: Path) -> Written:
        """Raises OSError."""
        ready = [draft for _, draft in sorted(self.items()) if not draft.refused]
        for draft in ready:
            _write(root / draft.path, draft.blocks)
        return Written(
            **sum((draft.counts for draft in ready), Counter()),
            files=tuple(str(draft.path) for draft in ready),
            tests=frozenset().union(*(draft.tests for draft in ready)),
            refused=tuple(draft.refused for _, draft in sorted(self.items()) if draft.refused),
        )


def update(
    baselines: Baselines,
    root: Path,
    tests: Sequence[TestRun],
    categories: Collection[str],
    gone: Callable[[str], bool] = lambda _: False,
    modules: Collection[str] = (),
) -> Written:
    """Write the baselines of the tests that passed, as far as `categories` say.

    `gone` tells of a node id whether the test is no more; it is asked for the tests of `modules`, paths from `root`.
    Raises OSError and BadBaseline.
    """
    drafts = _Drafts(baselines)
    for test in tests:
        if (kind := _kind(test, baselines, categories)) is not None:
            drafts.put(test.profile, kind)
    for path in dict.fromkeys(baselines.path(test.profile.nodeid) for test in tests):
        baselines.blocks(path)  # under xdist nobody has read it here
    if "removed" in categories:
        for module in modules:
            path = baselines.path(module)
            for name in (*baselines.blocks(path), *baselines.torn.get(path, ())):
                if gone(f"{module}::{name}"):
                    drafts[path].remove(name)
    for path in baselines.torn:
        drafts[path]  # it is written again though it says the same
    return drafts.write(root)


def record(baselines: Baselines, root: Path, profiles: Iterable[Profile]) -> Written:
    """Write the baselines of these tests, whatever was there. Raises OSError and BadBaseline."""
    drafts = _Drafts(baselines)
    for profile in profiles:
        drafts.put(profile)
    return drafts.write(root)


def _kind(test: TestRun, baselines: Baselines, categories: Collection[str]) -> str | None:
    """Under which count a test is written; None where it is not.

    What changed in no number that is judged, or within the thresholds, takes both `better` and `worse`: else a gate that
    lets only better ones through would let slow ones creep through with them.
    """
    if test.outcome not in ("passed", "xpassed"):
        return None
    if test.new:
        return "new" if "new" in categories else None
    if test.base is None or test.profile.clock is not test.base.clock:
        return None
    verdicts = {change.verdict for change in test.changes}
    if verdicts & {Verdict.REGRESSION, Verdict.ACCEPTED}:
        needs = {"worse"}
    elif verdicts & {Verdict.BETTER, Verdict.UNRECORDED}:
        needs = {"better"}
    else:
        needs = {"better", "worse"}
        known = baselines.block(test.profile.nodeid)
        if (
            known
            and test.profile.unmodelled
            and without_times(known.trace) == without_times(write_skeleton(test.profile))
        ):
            return None  # times that are partly real differ from run to run
    return "changed" if needs <= set(categories) else None


def _write(path: Path, blocks: Mapping[str, Block]) -> None:
    """Whole or not at all; a file without blocks goes."""
    if not blocks:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as file:
        file.write(to_text(blocks))


def must_not_write(environ: Mapping[str, str]) -> bool:
    """On a CI server nobody reviews what a baseline becomes."""
    return environ.get("CI", "") not in ("", "0", "false")


def modules_with_baselines(root: Path, folder: str, places: Iterable[Path]) -> Iterator[str]:
    """Paths from `root` of the modules that have a baseline, as far as they are, or were, in one of `places`."""
    for place in places:
        inside = place if place.is_dir() else place.parent
        for file in sorted(inside.rglob(f"{folder}/*.txt")):
            stem = file.name.removesuffix(".txt")
            module = file.parent.parent / (stem if "." in stem else f"{stem}.py")
            if place.is_dir() or place == module:
                yield Path(os.path.relpath(module, root)).as_posix()
