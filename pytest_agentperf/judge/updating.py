"""What `--agentperf-update` and `review` write into the baselines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_agentperf.judge.baseline_file import Block, block, to_text
from pytest_agentperf.judge.baselines import Baselines, module_of, name_in_module, whole_id
from pytest_agentperf.judge.gate import priced
from pytest_agentperf.judge.skeleton_text import without_times, write_skeleton
from pytest_agentperf.judge.whole_file import whole_file
from pytest_agentperf.model.change import Verdict
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import TestRun


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
                if gone(whole_id(module, name)):
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

    It takes `better` where a number that is judged got better and none got worse, else `worse`, be it by little: by little
    and little a gate that lets only better ones through would become a slow one.
    """
    if test.outcome not in ("passed", "xpassed"):
        return None
    if test.new:
        return "new" if "new" in categories else None
    if test.base is None or test.profile.clock is not test.base.clock:
        return None
    verdicts = {change.verdict for change in test.changes}
    worse = verdicts & {Verdict.REGRESSION, Verdict.ACCEPTED}
    better = verdicts & {Verdict.BETTER, Verdict.UNRECORDED}
    if not (worse or better) and test.profile.unmodelled and _differs_in_times_only(test, baselines):
        return None  # they are partly real, and differ from run to run
    return "changed" if ("better" if better and not worse else "worse") in categories else None


def _differs_in_times_only(test: TestRun, baselines: Baselines) -> bool:
    known = baselines.block(test.profile.nodeid)
    return known is not None and without_times(known.trace) == without_times(write_skeleton(test.profile))


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
            module = module_of(file)
            if place.is_dir() or place == module:
                yield Path(os.path.relpath(module, root)).as_posix()
