"""The markers: their help lines, their validation at collection, and the limits they set."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest

from pytest_agentperf.judge.checks import CHECKS, NAMES, OWN_CHECKS, BadLimit

if TYPE_CHECKING:
    from pytest_agentperf.judge.findings import Policy
    from pytest_agentperf.judge.gate import Threshold
    from pytest_agentperf.model.limit import Limit


POLICY: pytest.StashKey[Policy] = pytest.StashKey()


def declare(config: pytest.Config) -> None:
    for table in (CHECKS, OWN_CHECKS):
        for check in table.values():
            config.addinivalue_line("markers", f"{check.signature}: {check.help}")
    config.addinivalue_line(
        "markers",
        "agentperf(*, fail_on=None, ignore=None, gate=None): rules of `pytest-agentperf rules` whose findings fail this "
        'test, or are of no interest; gate={"latency": "5%", "cost": "off"}: thresholds of its baseline',
    )


def limits(item: pytest.Item) -> Iterator[Limit]:
    """The limits of a test's markers, closest first. Raises pytest.UsageError that names file, line and value."""
    for node, mark in item.iter_markers_with_node():
        if mark.name in NAMES:
            from pytest_agentperf.judge.limits import read_limit

            try:
                yield from read_limit(mark.name, mark.args, mark.kwargs, source=place(node, mark))
            except BadLimit as problem:
                written = ", ".join([*map(repr, mark.args), *(f"{k}={v!r}" for k, v in mark.kwargs.items())])
                raise pytest.UsageError(
                    f"{place(node, mark)}: @pytest.mark.{mark.name}({written}): {problem}"
                ) from None


def policy(item: pytest.Item, default: Policy) -> Policy:
    """What findings mean to this test: its closest marker's `fail_on`, and all that is ignored around it.

    Raises pytest.UsageError.
    """
    from pytest_agentperf.judge.findings import UnknownRule, read_codes

    for node, mark in reversed([pair for pair in item.iter_markers_with_node() if pair[1].name == "agentperf"]):
        where = place(node, mark)
        if mark.args or mark.kwargs.keys() - {"fail_on", "ignore", "gate"}:
            raise pytest.UsageError(
                f"{where}: @pytest.mark.agentperf takes fail_on=, ignore= and gate= and nothing else"
            )
        try:
            ignored = (*default.ignore, *read_codes(mark.kwargs.get("ignore", ())))
            default = replace(default, ignore=ignored)
            if "fail_on" in mark.kwargs:
                given = mark.kwargs["fail_on"]
                text = f"agentperf(fail_on={given!r})"
                default = replace(default, fail_on=read_codes(given), text=text, source=where)
        except UnknownRule as problem:
            raise pytest.UsageError(f"{where}: @pytest.mark.agentperf: {problem}") from None
    return default


def thresholds(item: pytest.Item) -> dict[str, Threshold]:
    """Those of the marker `agentperf(gate=...)`; the closest wins. Raises pytest.UsageError."""
    found: dict[str, Threshold] = {}
    for node, mark in item.iter_markers_with_node("agentperf"):
        from pytest_agentperf.judge.gate import BadThreshold, read_thresholds

        try:
            found = read_thresholds(mark.kwargs.get("gate") or {}) | found
        except BadThreshold as problem:
            raise pytest.UsageError(f"{place(node, mark)}: @pytest.mark.agentperf: gate: {problem}") from None
    return found


def place(node: Any, mark: pytest.Mark) -> str:
    """`tests/test_agent.py:12`: the line of the marker where the source shows it, else of what it marks."""
    path = node.path
    shown = str(path.relative_to(node.config.rootpath)) if path.is_relative_to(node.config.rootpath) else str(path)
    marked = getattr(node, "obj", None)
    try:
        lines, first = _source(getattr(marked, "__func__", marked))
    except (OSError, TypeError, SyntaxError):
        return shown
    line = next((number for number, line in enumerate(lines, first) if f"mark.{mark.name}" in line), first)
    return f"{shown}:{line}"


@lru_cache(maxsize=64)
def _source(marked: Any) -> tuple[list[str], int]:
    """Lines, and the number of the first; the cases of a parametrized test come one after the other."""
    lines, first = inspect.getsourcelines(inspect.unwrap(marked))
    return lines, max(first, 1)  # 0 stands for a whole module
