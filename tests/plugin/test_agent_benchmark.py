"""The team's own code, timed by pytest-benchmark over a replay."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("pytest_benchmark")

TESTS = """
import agent, pytest, time

pytestmark = pytest.mark.vcr
runs = []

@pytest.mark.max_llm_calls(2)
def test_sync(agent_benchmark):
    def run(n):
        runs.append(n)
        agent.loop(n)
        return "answer"
    assert agent_benchmark(run, 2) == "answer"
    assert len(runs) == 1 + 1 + 5

async def test_async(agent_benchmark):
    rounds = []
    async def run(n):
        rounds.append(n)
        agent.loop(n)
        return "answer"
    assert await agent_benchmark(run, 3) == "answer"
    assert len(rounds) == 1 + 1 + 5
"""
FLAGS = ("--benchmark-min-rounds=5", "--benchmark-max-time=0.000001")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """In a worker of xdist there are no rounds."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def recorded(session):
    session.makepyfile(test_cost=TESTS.replace("== 1 + 1 + 5", ">= 1"))
    session.runpytest("--agentperf-record=once", *FLAGS).assert_outcomes(passed=2)
    session.makepyfile(test_cost=TESTS)
    return session


def test_rounds_over_the_same_cassette(recorded):
    result = recorded.runpytest("--agentperf", "--benchmark-json=out.json", *FLAGS)
    result.assert_outcomes(passed=2)
    found = {one["name"]: one for one in json.loads((recorded.path / "out.json").read_text("utf-8"))["benchmarks"]}
    assert {name: one["stats"]["rounds"] for name, one in found.items()} == {"test_sync": 5, "test_async": 5}
    assert found["test_async"]["extra_info"]["llm_calls"] == 3
    assert found["test_async"]["extra_info"]["tokens"] == 360
    result.stdout.fnmatch_lines(["*agentperf: 2 tests, 5 LLM calls, replayed at once*"])


ROUNDS = """
import agent, pytest

runs = []

@pytest.mark.vcr
async def test_async(agent_benchmark):
    async def run():
        runs.append(agent.ask())
        if len(runs) > 1:
            open(__file__).close()
    await agent_benchmark(run)
"""


def test_what_the_rounds_do_is_not_the_profiled_runs(session):
    session.makepyfile(test_cost=ROUNDS)
    session.runpytest("--agentperf-record=once").assert_outcomes(passed=1)
    result = session.runpytest("--agentperf", "--agentperf-json=run.json", *FLAGS)
    result.assert_outcomes(passed=1)
    (test,) = json.loads((session.path / "run.json").read_text("utf-8"))["tests"]
    assert "files" not in test["profile"]["signals"]


def test_disabled_it_runs_once(recorded):
    recorded.makepyfile(test_cost=TESTS.replace("== 1 + 1 + 5", "== 1"))
    result = recorded.runpytest("--benchmark-disable", "-W", "error")
    result.assert_outcomes(passed=2)


def test_what_a_provider_would_be_paid_for_runs_once_and_says_so(session):
    session.makepyfile("import agent\ndef test_live(agent_benchmark):\n    agent_benchmark(agent.ask)\n")
    result = session.runpytest("--agentperf", "-W", "error")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*agent_benchmark ran once and was not timed: its LLM calls were live*"])


MISUSES = """
import agent, asyncio, pytest

pytestmark = pytest.mark.vcr

async def ask():
    return agent.ask()

async def test_forgotten(agent_benchmark):
    agent_benchmark(ask)

@pytest.mark.max_llm_calls(1)
def test_bare(agent_benchmark):
    assert agent_benchmark(ask).startswith("Hello")

def test_run(agent_benchmark):
    assert asyncio.run(agent_benchmark(ask)) == "Hello."

def test_twice(agent_benchmark):
    agent_benchmark(agent.ask)
    agent_benchmark(agent.ask)
"""


def test_an_asynchronous_agent_that_nobody_awaits_fails_its_test(session):
    session.makepyfile(test_cost=MISUSES)
    for flags in (("--agentperf-record=once",), (), ("--benchmark-disable",)):
        result = session.runpytest("-k", "not twice", "-W", "error", *flags)
        result.assert_outcomes(failed=2, passed=1)
        result.stdout.fnmatch_lines_random(
            [
                "agent_benchmark(ask) at test_cost.py:9 was not awaited: the agent did not run",
                "agent_benchmark(ask) at test_cost.py:13 was not awaited: the agent did not run",
                "  in an async test: await agent_benchmark(ask, ...)",
                "  in any other: asyncio.run(agent_benchmark(ask, ...))",
            ]
        )
        assert not {"never awaited", "has no attribute", "no LLM call was seen"} & set(result.stdout.lines)


def test_a_second_call_is_refused_before_the_agent_runs_again(session, provider):
    session.makepyfile(test_cost=MISUSES)
    for flags in (("--agentperf-record=once",), ()):
        result = session.runpytest("-k", "twice", *flags)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                ">       agent_benchmark(agent.ask)",
                "E       RuntimeError: agent_benchmark and benchmark can be called once in a test: write a test for each agent",
                "",
                "test_cost.py:20: RuntimeError",
            ],
            consecutive=True,
        )
        assert len(provider.hits) == 1


def test_without_pytest_benchmark_it_says_what_is_missing(session):
    session.makepyfile("def test_x(agent_benchmark): pass")
    result = session.runpytest("-p", "no:benchmark")
    result.stdout.fnmatch_lines(["*agent_benchmark needs pytest-benchmark: pip install *"])
    result.assert_outcomes(errors=1)


def test_the_internals_that_it_relies_on():
    from pytest_benchmark.fixture import BenchmarkFixture
    from pytest_benchmark.stats import Metadata

    assert {"_make_stats", "pedantic", "enabled"} <= set(dir(BenchmarkFixture))
    source = BenchmarkFixture.__init__.__code__.co_names
    assert {"_mode", "_timer", "_min_rounds", "_max_time", "extra_info"} <= set(source)
    assert "update" in dir(Metadata)
