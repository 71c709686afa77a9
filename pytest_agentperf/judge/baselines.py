"""Where baselines stand, and a test's verdict against its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Protocol, TypeVar

from pytest_agentperf.judge.baseline_file import BadBaseline, Block, from_text, salvage
from pytest_agentperf.judge.causes import explain
from pytest_agentperf.judge.compared import Compared, compared
from pytest_agentperf.judge.gate import Thresholds, comparable, priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.skeleton_text import write_skeleton
from pytest_agentperf.model.change import Verdict
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.price.cost import OwnPrice

P = TypeVar("P", bound=PurePath)


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
        try:
            return priced(found.profile(nodeid, str(self.path(nodeid))), self.own_prices)
        except BadBaseline:
            if not self.lenient:
                raise
            return None

    def cost(self, nodeid: str) -> Decimal | None:
        """In US dollars, at the prices when it was written; None where nobody knew."""
        found = self.block(nodeid)
        return found.cost if found else None

    def everything(self) -> Iterator[tuple[str, Block]]:
        """Every test of the project that has a baseline. Raises BadBaseline."""
        for path in self.source.paths():
            if path.parent.name == self.folder:
                module = str(module_of(path))
                yield from ((whole_id(module, name), known) for name, known in self.blocks(path).items())

    def compare(
        self, head: Profile, thresholds: Thresholds, *, accepts: Collection[Verdict] = (), ratchet: bool = False
    ) -> Compared:
        """Raises BadBaseline."""
        known = self.block(head.nodeid)
        if known is not None and write_skeleton(head) == known.trace:
            return Compared(held=True)
        if known is not None and head.calls and comparable(head):
            return Compared()
        if (base := self.profile(head.nodeid)) is None:
            return Compared(new=head.clock is ClockKind.VIRTUAL and not comparable(head))
        now = priced(skeleton(head), self.own_prices)
        found = compared(base, now, thresholds, self.own_prices, head, accepts=accepts, ratchet=ratchet)
        return found if found.changes or head.clock is base.clock else Compared(held=True)

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


@cache
def _beside(module: str, folder: str) -> PurePosixPath:
    path = PurePosixPath(module)
    return path.parent / folder / f"{path.name.removesuffix('.py')}.txt"


def module_of(file: P) -> P:
    """The test module whose baselines a file holds; a test file that is no Python keeps its ending."""
    name = file.name.removesuffix(".txt")
    return file.parent.parent / (name if "." in name else f"{name}.py")


def name_in_module(nodeid: str) -> str:
    """`TestTrip::test_plans[a]`; of an item that is a whole file, its id."""
    return nodeid.partition("::")[2] or nodeid


def whole_id(module: str, name: str) -> str:
    """From a module and the name in it."""
    return module if name == module else f"{module}::{name}"


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
