"""Arithmetic of stretches of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

Stretch = tuple[int, int]
"""Start and end in nanoseconds."""


def union(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time without overlaps, in order."""
    merged: list[Stretch] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        elif start < end:
            merged.append((start, end))
    return merged


def without(stretches: Iterable[Stretch], holes: Sequence[Stretch]) -> list[Stretch]:
    """The time that is not in the holes, in order, without overlaps."""
    rest = []
    bounds = [(0, 0), *union(holes), (2**63, 2**63)]
    for start, end in union(stretches):
        for (_, left), (right, _) in pairwise(bounds):
            if max(start, left) < min(end, right):
                rest.append((max(start, left), min(end, right)))
    return rest


def length(stretches: Iterable[Stretch]) -> int:
    """Nanoseconds; what overlaps counts once."""
    return sum(end - start for start, end in union(stretches))


def most_at_once(stretches: Iterable[Stretch]) -> int:
    """The largest number of them that were open at one moment."""
    edges = sorted((at, step) for start, end in stretches if start < end for at, step in ((start, 1), (end, -1)))
    most = now = 0
    for _, step in edges:  # an end sorts before a start of the same moment
        now += step
        most = max(most, now)
    return most
