"""A broken limit is an ordinary failing assertion, to pytest and to its plugins."""

from __future__ import annotations

import pytest
from junitparser import JUnitXml

from server.provider import Answer

LIMITED = """
import pytest, agent

@pytest.mark.max_tokens(100)
def test_over(): agent.ask()
"""


def test_xfail(session):
    session.makepyfile(
        """
        import pytest, agent

        @pytest.mark.xfail(strict=True)
        @pytest.mark.max_tokens(100)
        def test_over(): agent.ask()

        @pytest.mark.xfail(strict=True, raises=AssertionError)
        @pytest.mark.max_tokens(100)
        def test_raises(): agent.ask()

        @pytest.mark.xfail(strict=True)
        @pytest.mark.max_tokens(200)
        def test_within(): agent.ask()
        """
    )
    session.runpytest().assert_outcomes(xfailed=2, failed=1)


def test_skip(session):
    session.makepyfile(
        """
        import pytest, agent

        @pytest.mark.max_tokens(100)
        def test_skipped():
            agent.ask()
            pytest.skip("no more")

        @pytest.mark.skip
        @pytest.mark.max_tokens(100)
        def test_not_run(): agent.ask()
        """
    )
    session.runpytest().assert_outcomes(skipped=2)


def test_junit(session):
    session.makepyfile(LIMITED)
    session.runpytest("--junit-xml=junit.xml")
    (suite,) = JUnitXml.fromfile(str(session.path / "junit.xml"))
    (case,) = suite
    assert (suite.failures, suite.errors) == (1, 0)
    assert "tokens: 120 is over max_tokens(100)" in case.result[0].message
    assert "LLM call 1 (gpt-4o" in case.result[0].text


@pytest.mark.parametrize("flags", [(), ("-n", "2")])
def test_the_failure_reads_the_same_under_xdist(session, flags):
    session.makepyfile(test_limits=LIMITED)
    result = session.runpytest_subprocess(*flags)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_over _*",
            "tokens: 120 is over max_tokens(100) at test_limits.py:3 by 20 (20%)",
            "*  LLM call 1 (gpt-4o*): 120 tokens",
            "FAILED test_limits.py::test_over - *tokens: 120 is over*",
        ]
    )


def test_a_rerun_counts_anew(session, provider):
    provider.script(Answer(text="Long.", input_tokens=100, output_tokens=50))
    session.makepyfile(
        """
        import pytest, agent

        @pytest.mark.max_tokens(120)
        def test_flaky(profiler): agent.ask()
        """
    )
    result = session.runpytest("-p", "rerunfailures", "--reruns=1", "--agentperf", "--agentperf-json=run.json")
    result.assert_outcomes(passed=1)
    assert '"output": 20' in (session.path / "run.json").read_text("utf-8")


def test_where_the_body_failed_limits_are_reported_and_not_judged(session):
    session.makepyfile(
        """
        import pytest, agent

        @pytest.mark.max_tokens(100)
        def test_wrong(): assert agent.ask() == "Goodbye."
        """
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*AssertionError: assert 'Hello.' == 'Goodbye.'",
            "*agentperf: limits, not judged*",
            "tokens: 120 is over max_tokens(100) at *",
            "FAILED *::test_wrong - AssertionError: assert 'Hello.' == 'Goodbye.'",
        ]
    )


def test_a_failing_unittest_keeps_its_own_failure(session):
    session.makepyfile(
        """
        import pytest, agent, unittest

        class TestX(unittest.TestCase):
            @pytest.mark.max_tokens(100)
            def test_x(self): self.assertEqual(agent.ask(), "Goodbye.")
        """
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_x - AssertionError: 'Hello.' != 'Goodbye.'"])


@pytest.mark.parametrize(
    "body",
    [
        "try:\n        agent.ask('unheard of')\n    except BaseException:\n        pytest.skip('no')",
        "try:\n        agent.ask('unheard of')\n    except BaseException:\n        pytest.fail('agent gave nothing')",
        "try:\n        agent.ask('unheard of')\n    except BaseException:\n        sys.exit(3)",
        "asyncio.run(group())",
    ],
    ids=["skip", "fail", "exit", "TaskGroup"],
)
def test_a_stop_is_told_whatever_the_agent_makes_of_it(session, body):
    session.makepyfile(
        f"""
import agent, asyncio, pytest, sys

async def group():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(agent.ask_async("unheard of"))

@pytest.mark.vcr
def test_miss(profiler):
    {body}
"""
    )
    result = session.runpytest("-p", "no:recording")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["no recorded answer for POST *", "  why: there is no such cassette"])


def test_an_expected_failure_of_unittest(session):
    session.makepyfile(
        """
        import agent, pytest, unittest

        class TestX(unittest.TestCase):
            @unittest.expectedFailure
            @pytest.mark.max_tokens(100)
            def test_over(self): agent.ask()

            @unittest.expectedFailure
            @pytest.mark.max_tokens(100)
            def test_fails(self): self.assertEqual(agent.ask(), "Goodbye.")
        """
    )
    session.runpytest().assert_outcomes(xfailed=2)


def test_a_damaged_cassette_is_one_message(session):
    session.makepyfile(test_agents="import agent, pytest\n@pytest.mark.vcr\ndef test_x(profiler): agent.ask()")
    cassette = session.path / "cassettes" / "test_agents" / "test_x.yaml"
    cassette.parent.mkdir(parents=True)
    cassette.write_text("<<<<<<< HEAD\n", "utf-8")
    result = session.runpytest("-p", "no:recording")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_x.yaml*"])
    result.stdout.no_fnmatch_line("*site-packages*")
