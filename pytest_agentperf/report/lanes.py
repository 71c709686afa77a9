"""Things that overlap, laid side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def lanes(things: Iterable[T], times: Callable[[T], tuple[int, int]]) -> list[tuple[int, T]]:
    """Each with the first lane, from 0, in which it either lies apart from every other or whole within it.

    `times`: start and end. In the order of starts, the longer first.
    """
    open_ends: list[list[int]] = []  # of each lane the ends of what is not over yet, the outermost first
    placed = []
    for thing in sorted(things, key=lambda one: (times(one)[0], -times(one)[1])):
        start, end = times(thing)
        for ends in open_ends:
            while ends and ends[-1] <= start:
                ends.pop()
        free = (number for number, ends in enumerate(open_ends) if not ends or end <= ends[-1])
        lane = next(free, len(open_ends))
        if lane == len(open_ends):
            open_ends.append([])
        open_ends[lane].append(end)
        placed.append((lane, thing))
    return placed
