"""What the session says of every cassette."""

from __future__ import annotations

import pytest


def test_rules_of_the_ini_file_hold_for_every_cassette(session, provider):
    with (session.path / "tox.ini").open("a") as file:
        file.write("\nagentperf_match_ignore =\n    metadata\nagentperf_match_normalize =\n    date\n    run \\d+\n")
    test = """
        import agent, pytest, vcr

        @pytest.mark.vcr
        def test_marker(profiler): agent.ask("{date}, run {n}", metadata={n})

        @pytest.mark.vcr
        def test_marker_alone(): agent.ask("{date}, run {n}", metadata={n})

        def test_bare(profiler):
            with vcr.use_cassette("bare.yaml"): agent.ask("{date}, run {n}", metadata={n})
    """
    session.makepyfile(test_agents=test.format(date="2026-11-20", n=1))
    session.runpytest("--agentperf-record=once").assert_outcomes(passed=3)
    session.makepyfile(test_agents=test.format(date="2026-11-21", n=2))
    session.runpytest().assert_outcomes(passed=3)
    assert len(provider.hits) == 3


def test_a_bad_rule_in_the_ini_file_is_a_usage_error(pytester):
    pytester.makeini("[pytest]\nagentperf_match_normalize =\n    date\n    (\n")
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "tox.ini: agentperf_match_normalize: '(' is neither a regular expression (" in result.stderr.str()
