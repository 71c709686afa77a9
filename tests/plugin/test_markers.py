"""Limits by marker: where they hold, what their failure says, and what a bad one says."""

from __future__ import annotations

import pytest

TOO_MANY = "*tokens: 120 is over max_tokens(100) at test_limits.py:*"


@pytest.mark.parametrize("flags", [(), ("--agentperf",)])
def test_a_limit_holds_with_and_without_the_switch(session, flags):
    session.makepyfile(
        test_limits="""
        import pytest, agent

        @pytest.mark.max_tokens(100)
        def test_over(): agent.ask()

        @pytest.mark.max_tokens(120)
        def test_within(): agent.ask()
        """
    )
    result = session.runpytest(*flags)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED test_limits.py::test_over - *tokens: 120 is over max_tokens(100) at *"])
    result.stdout.no_fnmatch_line("*pytest_agentperf/*")


@pytest.mark.parametrize(
    "source",
    [
        "import pytest, agent\n@pytest.mark.max_tokens(100)\ndef test_x(): agent.ask()",
        "import pytest, agent\n@pytest.mark.max_tokens(100)\nasync def test_x(): await agent.ask_async()",
        "import pytest, agent\n@pytest.mark.max_tokens(100)\nclass TestX:\n    def test_x(self): agent.ask()",
        "import pytest, agent\npytestmark = pytest.mark.max_tokens(100)\ndef test_x(): agent.ask()",
        "import pytest, agent\n@pytest.mark.max_tokens(100)\n@pytest.mark.parametrize('n', [1])\ndef test_x(n): agent.ask()",
        "import pytest, agent\n@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.max_tokens(100))])\n"
        "def test_x(n): agent.ask()",
        "import pytest, agent, unittest\nclass TestX(unittest.TestCase):\n    @pytest.mark.max_tokens(100)\n"
        "    def test_x(self): agent.ask()",
        "import pytest, agent, unittest\n@pytest.mark.max_tokens(100)\nclass TestX(unittest.IsolatedAsyncioTestCase):\n"
        "    async def test_x(self): await agent.ask_async()",
        "import pytest, agent, threading\n@pytest.mark.max_tokens(100)\ndef test_x():\n"
        "    thread = threading.Thread(target=agent.ask)\n    thread.start()\n    thread.join()",
    ],
    ids=["function", "async", "class", "module", "parametrized", "param", "unittest", "unittest-async", "thread"],
)
def test_limits_hold_for_every_kind_of_test(session, source):
    session.makepyfile(test_limits=source)
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([TOO_MANY])


def test_the_closest_marker_wins(session):
    session.makepyfile(
        test_limits="""
        import pytest, agent
        pytestmark = pytest.mark.max_tokens(1)

        @pytest.mark.max_tokens(2)
        class TestX:
            @pytest.mark.max_tokens(500)
            def test_function(self): agent.ask()

            def test_class(self): agent.ask()

        def test_module(): agent.ask()
        """
    )
    result = session.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["*test_class - *max_tokens(2) at test_limits.py:4*", "*test_module - *max_tokens(1) at test_limits.py:2*"]
    )


def test_within_a_timer(session):
    session.makepyfile(
        test_limits="""
        import pytest, agent

        @pytest.mark.max_llm_calls(1, within="planner")
        def test_over(profiler):
            with profiler.timer("planner"):
                agent.ask()
                agent.ask("again")

        @pytest.mark.max_llm_calls(1, within="planner")
        def test_within(profiler):
            with profiler.timer("planner"):
                agent.ask()
            agent.ask("again")
        """
    )
    result = session.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*LLM calls within 'planner': 2 is over max_llm_calls(1, within='planner') at *"])


def test_a_test_that_makes_no_call_says_so(session):
    session.makepyfile(
        test_limits="""
        import pytest

        @pytest.mark.max_latency(1000)
        def test_blind(): pass

        @pytest.mark.max_llm_calls(0)
        def test_none_wanted(): pass
        """
    )
    result = session.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*no LLM call was seen, so max_latency(1000) at test_limits.py:3 says nothing*"])


def test_numbers_of_the_teams_own(session):
    session.makepyfile(
        test_limits="""
        import pytest

        @pytest.mark.max_metric("queue_ms", 200)
        @pytest.mark.min_metric("hits", 0.9)
        def test_own(profiler):
            profiler.metric("queue_ms", 250, unit="ms")
            profiler.metric("hits", 0.93, unit="ratio", better="higher")
        """
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*queue_ms: 250 ms is over max_metric('queue_ms', 200) at test_limits.py:3 by 50 ms (25%)*"]
    )


BAD = """
import pytest

@pytest.mark.max_tokens(100)
@pytest.mark.max_latency("fast")
def test_x(): pass
"""


@pytest.mark.parametrize("flags", [(), ("-n", "2")])
def test_a_bad_value_is_a_usage_error(session, flags):
    session.makepyfile(test_bad=BAD)
    result = session.runpytest_subprocess(*flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert (
        "test_bad.py:4: @pytest.mark.max_latency('fast'): expected a number of milliseconds, 0 or more, got 'fast'"
        in text
    )
    assert "INTERNALERROR" not in text


def test_markers_are_registered(session):
    result = session.runpytest("--markers")
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.max_latency(ms, [*], within=None): fail if the test takes more than `ms` milliseconds",
            "@pytest.mark.min_metric(name, x): fail if *",
        ]
    )


def test_a_limit_holds_in_a_module_of_another_encoding(session):
    """And its place is the marker's line."""
    source = (
        '# -*- coding: latin-1 -*-\nNAME = "Jos\xe9"\nimport pytest, agent\npytestmark = pytest.mark.max_tokens(100)\n'
    )
    (session.path / "test_limits.py").write_text(f"{source}def test_x(): agent.ask()\n", "latin-1")
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{TOO_MANY}4*"])
