"""The files that a session writes when it is asked to."""

from __future__ import annotations

import json

import pytest
from junitparser import xunit2

TESTS = """
import agent, pytest

@pytest.mark.max_tokens(100)
def test_over(): agent.ask()

def test_free(): agent.ask()
"""


def test_every_report_of_a_run(session, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(session.path / "summary.md"))
    session.makepyfile(TESTS)
    result = session.runpytest(
        "--agentperf-github",
        "--agentperf-json=out/run.json",
        "--agentperf-html=out/run.html",
        "--agentperf-markdown=out/run.md",
        "--agentperf-trace=out/trace.json",
        "--junitxml=out/junit.xml",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["::error file=test_every_report_of_a_run.py,line=3,title=agentperf limit/tokens::*over max_tokens(100)*"]
    )
    result.stdout.fnmatch_lines(["agentperf: wrote out/run.json, out/run.md, out/run.html, out/trace.json"])
    assert (session.path / "out/run.html").read_text("utf-8").startswith("<!doctype html>")
    page = (session.path / "out/run.md").read_text("utf-8")
    assert page.startswith("### agentperf: 1 problem in 1 of 2 tests")
    assert (session.path / "summary.md").read_text("utf-8") == page
    assert json.loads((session.path / "out/trace.json").read_text("utf-8"))["traceEvents"]
    suites = xunit2.JUnitXml.fromfile(str(session.path / "out/junit.xml"))
    found = {case.name: {one.name: one.value for one in case.properties()} for suite in suites for case in suite}
    assert found["test_free"]["agentperf.tokens"] == "120"
    assert found["test_over"]["agentperf.llm_calls"] == "1"


def test_elsewhere_github_is_not_spoken_to(session, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    session.makepyfile(TESTS)
    result = session.runpytest("--agentperf-github")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("::error*")
    result.stdout.fnmatch_lines(["*agentperf: 2 tests, 2 LLM calls*"])


def test_properties_are_told_once_however_often_a_test_is_tried(session):
    session.makepyfile("import agent\ndef test_x():\n    agent.ask()\n    assert 0\n")
    session.runpytest("--agentperf", "--reruns=2", "--junitxml=junit.xml")
    suites = xunit2.JUnitXml.fromfile(str(session.path / "junit.xml"))
    tries = [[one.name for one in case.properties()] for suite in suites for case in suite]
    assert [names.count("agentperf.tokens") for names in tries] == [1] * len(tries)


@pytest.mark.parametrize("kind", ["json", "markdown", "html", "trace"])
def test_a_report_that_cannot_be_written_is_told_and_changes_no_outcome(session, kind):
    (session.path / "file").write_text("", "utf-8")
    session.makepyfile("import agent\ndef test_x(): agent.ask()\n")
    result = session.runpytest(f"--agentperf-{kind}=file/run")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"--agentperf-{kind}: file/run cannot be written: Not a directory"])
    result.stdout.no_fnmatch_line("agentperf: wrote*")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_report_needs_a_path(session):
    result = session.runpytest("--agentperf-html=")
    result.stderr.fnmatch_lines(["*--agentperf-html: expected a path, got ''"])


def test_a_report_does_not_go_to_the_terminal_that_pytest_writes_to(session):
    session.runpytest("--agentperf-html=-").stderr.fnmatch_lines(
        ["*--agentperf-html: expected a path, got '-'; `pytest-agentperf report` can write to the terminal, later"]
    )
    assert not (session.path / "-").exists()
