"""Numbers are equal with and without workers."""

from __future__ import annotations

import json
import re

import pytest

TESTS = """
import agent, pytest

pytestmark = pytest.mark.vcr

@pytest.mark.parametrize("n", range(6))
def test_agent(n, profiler):
    with profiler.timer("llm:planning"):
        agent.loop(n)

@pytest.mark.max_tokens(100)
def test_over(): agent.ask()
"""
REAL = re.compile(r'("cpu_ns": |"cpu": \{"value": )[^,]+|"worker": "gw.", ')


def run(session: pytest.Pytester, *flags: str) -> tuple[str, list[str]]:
    path = session.path / "run.json"
    result = session.runpytest_subprocess("--agentperf", f"--agentperf-json={path}", *flags)
    result.assert_outcomes(passed=6, failed=1)
    lines = result.stdout.lines
    start = next(i for i, line in enumerate(lines) if re.match("=+ agentperf: ", line))
    end = next(i for i, line in enumerate(lines) if "short test summary" in line)
    return path.read_text("utf-8"), lines[start:end]


def test_summary_and_document_are_the_same(session):
    session.makepyfile(test_agents=TESTS)
    session.runpytest("--agentperf-record=once").assert_outcomes(passed=6, failed=1)
    alone, summary = run(session)
    spread, spread_summary = run(session, "-n", "2")
    assert summary == spread_summary
    assert REAL.sub(r"\1", alone) == REAL.sub(r"\1", spread)
    assert {test["worker"] for test in json.loads(spread)["tests"]} <= {"gw0", "gw1"}
