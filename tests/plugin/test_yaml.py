"""Limits without touching code."""

from __future__ import annotations

import pytest

TESTS = """
import pytest, agent

def test_over(): agent.ask()

@pytest.mark.max_tokens(200)
def test_marked(): agent.ask()

def test_blind(): pass
"""


def test_a_glob_limits_and_a_marker_wins(session):
    (session.path / "agentperf.yaml").write_text("limits:\n  'test_*.py':\n    max_tokens: 100\n", "utf-8")
    session.makepyfile(test_agents=TESTS)
    result = session.runpytest()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*tokens: 120 is over max_tokens(100) at agentperf.yaml:3 by 20 (20%)",
            "*no LLM call was seen in a test that agentperf.yaml:3 limits*",
        ]
    )


def test_a_glob_that_matches_no_test_is_told_once_all_tests_ran(session):
    (session.path / "agentperf.yaml").write_text(
        "limits:\n  'test_*.py': {max_tokens: 500}\n  'tests/agnets/*': {max_tokens: 1}\n", "utf-8"
    )
    session.makepyfile(test_agents="import agent\n\ndef test_fine(): agent.ask()\n\ndef test_too(): agent.ask()\n")
    told = "agentperf.yaml: 'tests/agnets/[*]' matches no test: nothing of it is checked"
    for args in ((), ("-n", "2")):
        session.runpytest(*args).stdout.fnmatch_lines([told])
    for args in (("-k", "fine"), ("test_agents.py",)):
        session.runpytest(*args).stdout.no_fnmatch_line(told)


def test_another_file_by_ini(session):
    session.makeini("[pytest]\nagentperf_limits = limits.yaml\n")
    (session.path / "limits.yaml").write_text("limits:\n  '*':\n    max_tokens: 100\n", "utf-8")
    session.makepyfile("import agent\ndef test_over(): agent.ask()")
    session.runpytest().assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("ini", "text", "message"),
    [
        (
            "",
            "limits:\n  '*':\n    max_speed: 1\n",
            "agentperf.yaml:3: unknown limit 'max_speed'; allowed: max_latency, ",
        ),
        ("agentperf_limits = gone.yaml", "", "agentperf_limits: there is no file "),
        ("agentperf_prices = our-llama: {input: 1}", "", "agentperf_prices:1: our-llama: no price for output"),
    ],
)
def test_errors_are_usage_errors(session, ini, text, message):
    session.makeini(f"[pytest]\n{ini}\n")
    (session.path / "agentperf.yaml").write_text(text, "utf-8")
    session.makepyfile("def test_x(): pass")
    result = session.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()


def test_own_prices(session):
    (session.path / "agentperf.yaml").write_text("prices:\n  our-llama: {input: 1000000, output: 0}\n", "utf-8")
    session.makepyfile(
        """
        import agent, pytest, server.openai_chat

        @pytest.mark.max_cost(99)
        def test_priced(): agent.ask(model="our-llama")
        """
    )
    result = session.runpytest()
    result.stdout.fnmatch_lines(["*cost: $100.00 is over max_cost(99)*"])


def test_prices_in_the_ini_come_before_those_of_the_file(session):
    session.makeini(
        """
        [pytest]
        agentperf_prices =
            our-llama: {input: 2000000, output: 0}
            our-other: {input: 1, output: 1}
        """
    )
    (session.path / "agentperf.yaml").write_text("prices:\n  our-llama: {input: 1000000, output: 0}\n", "utf-8")
    session.makepyfile(
        """
        import agent, pytest, server.openai_chat

        @pytest.mark.max_cost(99)
        def test_priced(): agent.ask(model="our-llama")
        """
    )
    result = session.runpytest()
    result.stdout.fnmatch_lines(["*cost: $200.00 is over max_cost(99)*"])
