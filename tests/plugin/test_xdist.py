"""Numbers are equal with and without workers."""

from __future__ import annotations

import json
import re

TESTS = """
import agent, pytest

@pytest.mark.parametrize("n", range(6))
def test_agent(n, profiler):
    with profiler.timer("llm:planning"):
        agent.loop(n)

@pytest.mark.max_tokens(100)
def test_over(): agent.ask()
"""
REAL = re.compile(r'"(start_ns|end_ns|first_byte_ns|latency_ns|cpu_ns|thread|worker)": [^,\n]+')


def run(session, *flags: str) -> tuple[str, list[str]]:
    path = session.path / "run.json"
    result = session.runpytest_subprocess("--agentperf", f"--agentperf-json={path}", *flags)
    result.assert_outcomes(passed=6, failed=1)
    lines = result.stdout.lines
    start = next(i for i, line in enumerate(lines) if re.match(r"=+ agentperf: ", line))
    return path.read_text("utf-8"), lines[start:]


def timeless(text: str) -> object:
    """A run's document without worker ids and real times."""
    document = json.loads(REAL.sub(r'"\1": 0', text))
    for test in document["tests"]:
        for name in ("latency", "ttft", "llm_time", "tool_time", "cpu"):
            test["metrics"].pop(name)
    document.pop("totals")
    return document


def test_the_document_is_the_same(session):
    session.makepyfile(test_agents=TESTS)
    alone, lines = run(session)
    spread, spread_lines = run(session, "-n", "2")
    assert timeless(alone) == timeless(spread)
    assert alone.count("\n") == spread.count("\n")
    assert [re.sub(r"[\d,.]+ ?(ms|s)?", "N", line) for line in lines[:3]] == [
        re.sub(r"[\d,.]+ ?(ms|s)?", "N", line) for line in spread_lines[:3]
    ]
    assert {test["worker"] for test in json.loads(spread)["tests"]} <= {"gw0", "gw1"}
