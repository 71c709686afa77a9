"""A bug of ours never changes the outcome of a user's test, and is told in one line."""

from __future__ import annotations

import pytest

from pytest_agentperf import gating  # once: pytester forgets what a session imported, but not what was there before

FAULTS = {
    "open": "pytest_agentperf.session:Session.open",
    "plan": "pytest_agentperf.session:Session._plan",
    "prepare": "pytest_agentperf.session:Session.prepare",
    "start": "pytest_agentperf.run:Run.start",
    "stop": "pytest_agentperf.run:Run.stop",
    "judge": "pytest_agentperf.run:Run.judge",
    "verdict": "pytest_agentperf.run:Run.verdict",
    "attach": "pytest_agentperf.session:Session.attach",
    "collect": "pytest_agentperf.session:Session.collect",
    "finish": "pytest_agentperf.session:Session.finish",
    "summary": "pytest_agentperf.session:Session._summary",
    "decode": "pytest_agentperf.record.recorder:decode",
    "begin": "pytest_agentperf.record.spans:Spans.innermost",
    "pipeline": "pytest_agentperf.pipeline:number_turns",
}

TESTS = """
import pytest, agent

def test_passes(): assert agent.ask() == "Hello."

def test_fails(): assert agent.ask() == "Goodbye."

@pytest.mark.xfail(strict=True)
def test_xfails(): assert agent.ask() == "Goodbye."

async def test_async(): assert await agent.ask_async() == "Hello."

@pytest.mark.max_tokens(120)
def test_limited(): agent.ask()

@pytest.mark.vcr
def test_replayed(): assert agent.ask("recorded") == "Hello."

def test_timed(profiler, token_budget):
    token_budget(max_tokens=500)
    with profiler.timer("plan"):
        agent.ask()
"""
RECORD = """
import pytest, agent

@pytest.mark.vcr
def test_replayed(): agent.ask("recorded")
"""


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("injected")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("flags", [(), ("-W", "error")], ids=["plain", "W-error"])
def test_outcomes_stay(session, monkeypatch, fault, flags):
    session.makepyfile(test_agents=RECORD)
    session.runpytest("-p", "no:recording", "--agentperf-record=once").assert_outcomes(passed=1)
    session.makepyfile(test_agents=TESTS)
    with monkeypatch.context() as patch:
        patch.setattr(FAULTS[fault].replace(":", "."), broken)
        result = session.runpytest("-p", "no:recording", "--agentperf", "--agentperf-json=run.json", *flags)
    result.assert_outcomes(passed=5, failed=1, xfailed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["bug in agentperf*RuntimeError: injected*"])


def test_a_bug_in_the_comparison_is_no_problem_of_a_baseline_and_costs_no_report(session, monkeypatch):
    def broken(*_: object) -> None:
        raise ValueError("injected")

    session.makepyfile("import agent\ndef test_it(): agent.ask()")
    monkeypatch.setattr(gating, "causes", broken)
    result = session.runpytest("--agentperf", "--agentperf-json=run.json")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["bug in agentperf*ValueError: injected*"])
    assert "test_it" in (session.path / "run.json").read_text()


def test_faults_of_workers_arrive(session):
    session.makepyfile(
        broken_agentperf="""
        from pytest_agentperf import run

        def broken(*_): raise RuntimeError("injected")

        run.Run.judge = broken
        """,
        test_agents=TESTS.replace("@pytest.mark.vcr", ""),
    )
    result = session.runpytest_subprocess("-p", "broken_agentperf", "--agentperf", "-n", "2")
    result.assert_outcomes(passed=5, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["bug in agentperf*RuntimeError: injected*"])
