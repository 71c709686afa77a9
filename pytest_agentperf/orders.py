"""What is wanted of one test: known from its markers, its fixtures and the settings, before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pytest_agentperf.markers import POLICY

if TYPE_CHECKING:
    from pytest_agentperf.gating import Gate, Judge
    from pytest_agentperf.judge.findings import Policy
    from pytest_agentperf.model.committed import Committed
    from pytest_agentperf.model.limit import Limit
    from pytest_agentperf.model.profile import Thresholds
    from pytest_agentperf.options import Settings
    from pytest_agentperf.price.cost import OwnPrice
    from pytest_agentperf.project import Project
    from pytest_agentperf.record.default_latency import Rule

LIMITS: pytest.StashKey[tuple[Limit, ...]] = pytest.StashKey()
_FIXTURES = frozenset({"profiler", "token_budget", "agent_benchmark"})
_TOLD_BY_TOOLS = frozenset({"latency", "tool_time", "tool_runs", "tool_overlap", "sequential_loss"})
"""Metrics for which one must see the tools run, or to say why they are what they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Of a test that is measured."""

    record_mode: str
    house: Mapping[str, Any]
    """What the session says of every cassette."""
    pace: Literal["virtual", "instant", "real"]
    latency_rules: tuple[Rule, ...]
    epoch: float | Literal["now", "recorded"]
    """Where the wall clock starts, in virtual time."""
    tools: Literal["all", "seams", "off"]
    """See `Settings.tools`."""
    audits: bool
    """Somebody wants to know what files, processes and imports cost."""
    priced: bool
    """Somebody wants to see the cost, limits apart."""
    own_prices: Mapping[str, OwnPrice]
    estimates_judge: bool
    unplayed_fail: bool
    thresholds: Thresholds
    """Of rules."""
    policy: Policy
    """What findings mean to it."""
    baselines: Committed
    limits: tuple[Limit, ...] = ()
    gate: Judge | None = field(default=None, compare=False)
    """Its baseline's say; None: nobody asked for it."""


def measured(item: pytest.Item, settings: Settings) -> bool:
    """Whether there are orders for a test at all."""
    return (
        settings.enabled or LIMITS in item.stash or _fails_on_findings(item) or not _FIXTURES.isdisjoint(_asked(item))
    )


def of(item: pytest.Item, settings: Settings, project: Project, gate: Gate | None) -> Orders:
    """Raises pytest.UsageError."""
    from pytest_agentperf.judge.findings import Policy
    from pytest_agentperf.model.committed import Committed
    from pytest_agentperf.model.profile import Thresholds

    policy = item.stash.get(POLICY, None) or Policy()
    return Orders(
        record_mode=project.record_mode,
        house=project.house,
        pace=pace(item, settings, project),
        latency_rules=project.latency_rules,
        epoch=project.epoch,
        tools=settings.tools if _watches_tools(item, settings) else "off",
        audits=settings.enabled or policy.needs("audits"),
        priced=settings.enabled or policy.needs("prices"),
        own_prices=project.own_prices,
        estimates_judge=settings.estimates == "judge",
        unplayed_fail=settings.unplayed == "fail",
        thresholds=project.thresholds or Thresholds(),
        policy=policy,
        baselines=Committed(root=item.config.rootpath, folder=settings.baseline, updates=gate.updates if gate else ()),
        limits=item.stash.get(LIMITS, ()),
        gate=gate.judge_of(item) if gate else None,
    )


def pace(item: pytest.Item, settings: Settings, project: Project) -> Literal["virtual", "instant", "real"]:
    """How the replays of a test wait. Time is virtual only where a cassette answers; all else runs in real time."""
    replays = item.get_closest_marker("vcr") is not None
    if not replays and item.config.pluginmanager.has_plugin("vcr"):  # pytest-vcr's fixtures open one as well
        replays = not {"vcr", "vcr_cassette"}.isdisjoint(_asked(item))
    if not replays or project.record_mode != "none":
        return "real"
    return "instant" if "agent_benchmark" in _asked(item) else settings.pace


def _asked(item: pytest.Item) -> list[str]:
    """The names of its fixtures."""
    return getattr(item, "fixturenames", [])


def _fails_on_findings(item: pytest.Item) -> bool:
    return bool((policy := item.stash.get(POLICY, None)) and policy.fail_on)


def _watches_tools(item: pytest.Item, settings: Settings) -> bool:
    """Whether somebody wants to know when its tools run."""
    return (
        settings.enabled
        or _fails_on_findings(item)
        or "profiler" in _asked(item)
        or any(limit.metric in _TOLD_BY_TOOLS for limit in item.stash.get(LIMITS, ()))
    )
