"""Performance regression tests for LLM agents."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_agentperf.asserts import (
        assert_cost,
        assert_cpu,
        assert_latency,
        assert_llm_calls,
        assert_metric,
        assert_no_findings,
        assert_no_regression,
        assert_parallel_tools,
        assert_tokens,
        assert_tool_calls,
        assert_ttft,
    )
    from pytest_agentperf.judge.budget import BudgetExceeded, TokenBudget
    from pytest_agentperf.judge.limits import LimitExceeded
    from pytest_agentperf.model.profile import Profile
    from pytest_agentperf.profiler import Profiler

_HOMES = {
    "BudgetExceeded": "judge.budget",
    "LimitExceeded": "judge.limits",
    "Profile": "model.profile",
    "Profiler": "profiler",
    "TokenBudget": "judge.budget",
    "assert_cost": "asserts",
    "assert_cpu": "asserts",
    "assert_latency": "asserts",
    "assert_llm_calls": "asserts",
    "assert_metric": "asserts",
    "assert_no_regression": "asserts",
    "assert_no_findings": "asserts",
    "assert_parallel_tools": "asserts",
    "assert_tokens": "asserts",
    "assert_tool_calls": "asserts",
    "assert_ttft": "asserts",
}

__all__ = [
    "BudgetExceeded",
    "LimitExceeded",
    "Profile",
    "Profiler",
    "TokenBudget",
    "assert_cost",
    "assert_cpu",
    "assert_latency",
    "assert_llm_calls",
    "assert_metric",
    "assert_no_findings",
    "assert_no_regression",
    "assert_parallel_tools",
    "assert_tokens",
    "assert_tool_calls",
    "assert_ttft",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
