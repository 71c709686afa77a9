"""Numbers are equal with and without workers."""

from __future__ import annotations

import json
import re

import pytest
from junitparser.xunit2 import JUnitXml

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


def run(session: pytest.Pytester, *flags: str) -> tuple[str, list[str], dict[str, dict[str, str]]]:
    """The document, the summary, and JUnit's properties by test."""
    path, junit = session.path / "run.json", session.path / "junit.xml"
    result = session.runpytest_subprocess("--agentperf", f"--agentperf-json={path}", f"--junitxml={junit}", *flags)
    result.assert_outcomes(passed=6, failed=1)
    lines = result.stdout.lines
    start = next(i for i, line in enumerate(lines) if re.match("=+ agentperf: ", line))
    end = next(i for i, line in enumerate(lines) if "short test summary" in line)
    suites = JUnitXml.fromfile(str(junit))
    told = {
        case.name: {one.name: one.value for one in case.properties() if one.name != "agentperf.cpu"}
        for suite in suites
        for case in suite
    }
    return path.read_text("utf-8"), lines[start:end], told


def test_summary_and_document_are_the_same(session):
    session.makepyfile(test_agents=TESTS)
    session.runpytest("--agentperf-record=once").assert_outcomes(passed=6, failed=1)
    alone, summary, properties = run(session)
    spread, spread_summary, spread_properties = run(session, "-n", "2")
    assert summary == spread_summary
    assert properties == spread_properties
    assert properties["test_over"]["agentperf.tokens"] == "120"
    assert REAL.sub(r"\1", alone) == REAL.sub(r"\1", spread)
    assert {test["worker"] for test in json.loads(spread)["tests"]} <= {"gw0", "gw1"}


GROUPED = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if getattr(config.option, "loadgroup", False) and "@" not in item.nodeid:
            item._id = item.id.parse(f"{item.nodeid}@one")
"""
"""What xdist does itself, for pytest 9.2, where it does it in vain."""


def test_groups_are_no_part_of_a_tests_name(session, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    session.makeconftest(GROUPED)
    session.makepyfile(
        test_agents="""
        import agent, pytest

        pytestmark = [pytest.mark.vcr, pytest.mark.xdist_group("one")]

        def test_limited(): agent.ask()

        def test_worse(): agent.loop(3)
        """
    )
    (session.path / "agentperf.yaml").write_text("limits:\n  '*::test_limited': {max_tokens: 100}\n", "utf-8")
    session.runpytest("--agentperf-record=once")
    session.runpytest("--agentperf-update=new").assert_outcomes(passed=1, failed=1)
    baseline = session.path / "agentperf_baseline" / "test_agents.txt"
    baseline.write_text(baseline.read_text("utf-8").replace("output=20 ", "output=5 "), "utf-8")
    before = baseline.read_text("utf-8")
    result = session.runpytest("--agentperf-update=removed", "-n", "2", "--dist", "loadgroup")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "tokens: 120 is over max_tokens(100) at agentperf.yaml:2*",
            "*: worse than the baseline in agentperf_baseline/test_agents.txt",
            "  if this is meant: pytest test_agents.py::test_worse --agentperf *",
            "note: baselines written: nothing to write",
        ]
    )
    assert baseline.read_text("utf-8") == before
