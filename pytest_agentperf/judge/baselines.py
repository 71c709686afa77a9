"""Where baselines stand, and a test's verdict against its own: what the gate reads and `--agentperf-update` writes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from pytest_agentperf.judge.baseline_file import BadBaseline, Block, block, from_text, in_conflict, to_text
from pytest_agentperf.judge.causes import explain, luck
from pytest_agentperf.judge.gate import Thresholds, comparable, compare, priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.skeleton_text import write_skeleton
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
    conflicts: bool = False
    """Leave out blocks that a merge left in conflict, for they will be written again."""
    torn: set[PurePosixPath] = field(default_factory=set)
    """Files in which there were such blocks."""
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
            if text is not None and in_conflict(text):
                self.torn.add(path)
            self._files[path] = from_text(text, str(path), conflicts=self.conflicts) if text is not None else {}
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
        if known is None:
            return Compared(new=head.clock is ClockKind.VIRTUAL and not comparable(head))
        if write_skeleton(head) == known.trace:
            return Compared()
        if head.calls and comparable(head):
            return Compared()
        base, now, steps = self._explained(known, head)
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
    files: tuple[str, ...] = ()


def update(
    baselines: Baselines,
    root: Path,
    tests: Iterable[TestRun],
    categories: Collection[str],
    gone: Callable[[str], bool] = lambda _: False,
    modules: Collection[str] = (),
) -> Written:
    """Write the baselines of the tests that passed, as far as `categories` say.

    `gone` tells of a node id whether the test is no more; it is asked for the tests of `modules`, paths from `root`.
    Raises OSError and BadBaseline.
    """
    files: dict[PurePosixPath, dict[str, Block]] = {}
    counts = dict.fromkeys(("new", "changed", "removed"), 0)
    for test in tests:
        if (kind := _kind(test, categories)) is not None:
            _put(baselines, files, test.profile)
            counts[kind] += 1
    if "removed" in categories:
        for module in modules:
            path = baselines.path(module)
            blocks = files.get(path) or dict(baselines.blocks(path))
            lost = [name for name in blocks if gone(f"{module}::{name}")]
            if lost:
                files[path] = {name: kept for name, kept in blocks.items() if name not in lost}
                counts["removed"] += len(lost)
    whole = {baselines.path(module) for module in modules}
    if torn := sorted(path for path in files if path in baselines.torn and path not in whole):
        raise BadBaseline(f"{torn[0]}: a merge left it in conflict: write it again with all tests of its module")
    for path, blocks in files.items():
        _write(root / path, blocks)
    return Written(**counts, files=tuple(map(str, sorted(files))))


def record(baselines: Baselines, root: Path, profiles: Iterable[Profile]) -> tuple[str, ...]:
    """Write the baselines of these tests, whatever was there. Gives the files. Raises OSError and BadBaseline."""
    files: dict[PurePosixPath, dict[str, Block]] = {}
    for profile in profiles:
        _put(baselines, files, profile)
    for path, blocks in files.items():
        _write(root / path, blocks)
    return tuple(map(str, sorted(files)))


def _put(baselines: Baselines, files: dict[PurePosixPath, dict[str, Block]], profile: Profile) -> None:
    path = baselines.path(profile.nodeid)
    blocks = files.setdefault(path, dict(baselines.blocks(path)))
    blocks[name_in_module(profile.nodeid)] = block(priced(profile, baselines.own_prices))


def _kind(test: TestRun, categories: Collection[str]) -> str | None:
    """Under which count a test is written; None where it is not."""
    if test.outcome not in ("passed", "xpassed"):
        return None
    if test.new:
        return "new" if "new" in categories else None
    if test.base is None or test.profile.clock is not test.base.clock:
        return None
    verdicts = {change.verdict for change in test.changes}
    worse = any(change.worse for change in test.changes)
    needs = {"worse"} if worse else {"better"} if verdicts & {Verdict.BETTER, Verdict.UNRECORDED} else set()
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
