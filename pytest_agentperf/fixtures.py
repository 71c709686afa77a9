"""The fixtures: thin wrappers around what the session measures anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_agentperf.judge.budget import TokenBudget
    from pytest_agentperf.profiler import Profiler


@pytest.fixture
def profiler(request: pytest.FixtureRequest) -> Profiler:
    """Timers and live numbers of this test: `with profiler.timer("planning"): ...`, `profiler.tokens`, `.cost_usd`."""
    from pytest_agentperf.session import run_of

    return run_of(request.node).profiler


@pytest.fixture
def token_budget(request: pytest.FixtureRequest) -> TokenBudget:
    """A hard stop: `token_budget(max_tokens=20_000)`; the LLM call that would go over it is not sent."""
    from pytest_agentperf.session import run_of

    return run_of(request.node).budget
