"""Timers, tools and LLM calls in numbers, by category."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pytest_agentperf.analyze.tree import Node, forest
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.scope import categories

LLM_CALLS = "LLM calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryStats:
    """Milliseconds of the recording's clock; None where no time of the category is known."""

    count: int
    unknown: int
    """How many of them took nobody knows how long: they are in `count` alone."""
    total_ms: float | None
    """Each counts in full, also where some ran at once or inside each other."""
    mean_ms: float | None
    min_ms: float | None
    max_ms: float | None


def summary(profile: Profile) -> dict[str, CategoryStats]:
    """Statistics by category, the largest total first.

    A timer counts in every category that `max_latency(within=...)` knows it by: `llm:planning` in `llm:planning`,
    `llm` and `planning`. A tool counts under its name, and all LLM calls together under `LLM calls`.
    """
    groups: dict[str, list[Node]] = defaultdict(list)
    nodes = forest(profile)
    for node in nodes:  # grows while it is walked
        nodes.extend(node.children)
        for category in _categories(node):
            groups[category].append(node)
    stats = {category: _stats(members) for category, members in groups.items()}
    return dict(sorted(stats.items(), key=lambda item: (-(item[1].total_ms or 0), item[0])))


def _categories(node: Node) -> tuple[str, ...]:
    if node.kind == "timer":
        return tuple(dict.fromkeys(categories(node.name)))
    return (LLM_CALLS if node.kind == "llm" else node.name,)


def _stats(nodes: list[Node]) -> CategoryStats:
    times = [(node.end_ns - node.start_ns) / 1e6 for node in nodes if node.known]
    return CategoryStats(
        count=len(nodes),
        unknown=len(nodes) - len(times),
        total_ms=sum(times) if times else None,
        mean_ms=sum(times) / len(times) if times else None,
        min_ms=min(times, default=None),
        max_ms=max(times, default=None),
    )
