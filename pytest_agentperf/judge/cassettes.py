"""Cassettes against the tests that use them: what nobody asks for any more, and what is old."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pytest_agentperf.judge.limits import Failure
from pytest_agentperf.model.cassette import CassetteUse
from pytest_agentperf.model.report import TestRun

_DAY_S = 24 * 3600
_NAMED = 5


class Unplayed(Failure):
    """A test that passed without all that was recorded for it."""

    def __init__(self, sentences: Sequence[str], nodeid: str) -> None:
        again = f"delete it and run pytest {shlex.quote(nodeid)} --agentperf-record=once"
        super().__init__("\n".join([*sentences, f"  if the agent means to ask for less now: {again}"]))


def unplayed(use: CassetteUse) -> str:
    """A sentence about the recorded requests that were not asked for; empty where there are none."""
    left = sorted(set(range(use.recorded)) - set(use.played))
    if not left:
        return ""
    names = ", ".join(str(place + 1) for place in left[:_NAMED]) + (", ..." if len(left) > _NAMED else "")
    return f"{use.path}: {len(left)} of {use.recorded} recorded requests were not asked for ({names})"


def _all_unplayed(found: Sequence[CassetteUse]) -> Iterator[str]:
    """A sentence each; one for all where there are many, as after `all` has recorded a changed prompt beside the old one."""
    if len(found) <= _NAMED:
        yield from map(unplayed, found)
        return
    requests = sum(use.recorded - len(use.played) for use in found)
    yield (
        f"{len(found):,} cassettes hold {requests:,} recorded requests that were not asked for; vcrpy's option "
        f"drop_unused_requests drops them when they are recorded again; the first: {unplayed(found[0])}"
    )


def uses(tests: Iterable[TestRun]) -> dict[str, CassetteUse]:
    """By path, what all tests together had of a cassette. Left out where one of its tests did not pass: it may have got
    nowhere.
    """
    found: defaultdict[str, list[CassetteUse]] = defaultdict(list)
    failed = set()
    for test in tests:
        for use in test.profile.cassettes:
            found[use.path].append(use)
            if test.outcome != "passed":
                failed.add(use.path)
    return {path: _together(parts) for path, parts in sorted(found.items()) if path not in failed}


def _together(parts: list[CassetteUse]) -> CassetteUse:
    dates = [part.recorded_at for part in parts if part.recorded_at is not None]
    return CassetteUse(
        path=parts[0].path,
        recorded=min(part.recorded for part in parts),  # a test before may have recorded more
        played=tuple(sorted({place for part in parts for place in part.played})),
        recorded_at=min(dates, default=None),
    )


def notes(tests: Iterable[TestRun], *, tell_unplayed: bool, max_age_days: int | None, now: float) -> Iterator[str]:
    """A sentence for each cassette that somebody should look at; `now` in s since 1970."""
    used = uses(tests).values()
    if tell_unplayed:
        yield from _all_unplayed([use for use in used if unplayed(use)])
    for use in used:
        age_days = (now - use.recorded_at) / _DAY_S if use.recorded_at is not None else 0.0
        if max_age_days is not None and age_days > max_age_days:
            yield f"{use.path}: recorded {age_days:.0f} days ago, more than agentperf_cassette_max_age = {max_age_days}"
