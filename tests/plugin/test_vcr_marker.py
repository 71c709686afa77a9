"""`@pytest.mark.vcr`, with our own marker and with pytest-recording's."""

from __future__ import annotations

import pytest
import yaml

from server.provider import Answer

TEST = """
import agent, pytest

@pytest.mark.vcr
def test_agent(profiler):
    assert agent.ask("question") == "Hello."
    assert profiler.tokens == 120
"""
OWN = ("-p", "no:recording")


@pytest.fixture(params=[OWN, ()], ids=["own-marker", "pytest-recording"])
def plugins(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """With our own marker, and beside pytest-recording."""
    if not request.param:
        pytest.importorskip("pytest_recording")
    return request.param


def test_record_then_replay_without_a_network(session, provider, plugins):
    session.makepyfile(test_agents=TEST)
    session.runpytest(*plugins, "--agentperf-record=once").assert_outcomes(passed=1)
    cassette = session.path / "cassettes" / "test_agents" / "test_agent.yaml"
    (interaction,) = yaml.safe_load(cassette.read_text("utf-8"))["interactions"]
    assert "agentperf" in interaction["response"]
    assert len(provider.hits) == 1
    session.runpytest(*plugins).assert_outcomes(passed=1)
    session.runpytest(*plugins, "--agentperf").assert_outcomes(passed=1)
    assert len(provider.hits) == 1


def test_latency_is_what_was_recorded(session, provider, plugins):
    provider.reply = Answer(text="Hello.", input_tokens=100, output_tokens=20, first_byte_after_ms=120)
    session.makepyfile(
        test_agents="""
        import agent, pytest, time

        @pytest.mark.vcr
        @pytest.mark.max_latency(5000)
        def test_agent(profiler):
            started = time.perf_counter()
            agent.ask("question")
            agent.ask("question 2")
            assert profiler.latency_ms >= 240
            assert time.perf_counter() - started >= 0.24
        """
    )
    session.runpytest(*plugins, "--agentperf-record=all").assert_outcomes(passed=1)
    session.runpytest(*plugins).assert_outcomes(passed=1)
    session.runpytest(*plugins, "--agentperf-pace=real").assert_outcomes(passed=1)


def test_a_miss_can_be_acted_on_and_not_eaten(session, provider, plugins):
    session.makepyfile(test_agents=TEST)
    session.runpytest(*plugins, "--agentperf-record=once").assert_outcomes(passed=1)
    session.makepyfile(
        test_agents="""
        import agent, pytest

        @pytest.mark.vcr
        def test_agent(profiler):
            try:
                agent.ask("another question")
            except Exception:
                pass
        """
    )
    result = session.runpytest(*plugins)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*messages[[]0[]].content*", "*question*", "*--agentperf-record=*"])
    assert len(provider.hits) == 1


def test_replay_never_reaches_the_network_whatever_vcr_config_says(session, provider, plugins):
    session.makeconftest("import pytest\n@pytest.fixture\ndef vcr_config(): return {'record_mode': 'all'}")
    session.makepyfile(test_agents=TEST)
    result = session.runpytest(*plugins, "--agentperf")
    result.assert_outcomes(failed=1)
    assert not provider.hits
    result.stdout.fnmatch_lines(["*record_mode*"])


def test_cassette_names_and_options_merge_as_in_pytest_recording(session, provider, plugins):
    session.makeconftest("import pytest\n@pytest.fixture\ndef vcr_config(): return {'filter_query_parameters': ['k']}")
    session.makepyfile(
        test_agents="""
        import agent, pytest

        @pytest.mark.vcr
        class TestGroup:
            @pytest.mark.parametrize("n", ["a/b", "c:d"])
            def test_agent(self, n, profiler): agent.ask(n)

        @pytest.mark.vcr
        @pytest.mark.default_cassette("shared.yaml")
        def test_named(profiler): agent.ask()
        """
    )
    session.runpytest(*plugins, "--agentperf-record=once").assert_outcomes(passed=3)
    folder = session.path / "cassettes" / "test_agents"
    assert sorted(path.name for path in folder.iterdir()) == [
        "TestGroup.test_agent[a-b].yaml",
        "TestGroup.test_agent[c-d].yaml",
        "shared.yaml",
    ]
    session.runpytest(*plugins).assert_outcomes(passed=3)


def test_record_mode_of_pytest_recording_is_honoured(session, provider):
    pytest.importorskip("pytest_recording")
    session.makepyfile(test_agents=TEST)
    session.runpytest("--record-mode=once").assert_outcomes(passed=1)
    assert len(provider.hits) == 1
    session.runpytest().assert_outcomes(passed=1)
    assert len(provider.hits) == 1


def test_pace_instant_knows_no_latency(session, provider):
    session.makepyfile(test_agents=TEST)
    session.runpytest("--agentperf-record=once").assert_outcomes(passed=1)
    session.makepyfile(test_agents=TEST.replace("@pytest.mark.vcr", "@pytest.mark.vcr\n@pytest.mark.max_latency(5000)"))
    session.runpytest().assert_outcomes(passed=1)
    result = session.runpytest("--agentperf-pace=instant")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*latency is unknown*pace=instant*"])


def test_a_marked_test_that_nobody_measures_is_left_to_the_recorder(session, provider):
    """Without a limit, a fixture of ours or the switch, pytest-recording works as if we were not there."""
    pytest.importorskip("pytest_recording")
    session.makepyfile("import agent, pytest\n@pytest.mark.vcr\ndef test_agent(): agent.ask()")
    session.runpytest("--record-mode=once").assert_outcomes(passed=1)
    cassette = next((session.path / "cassettes").rglob("*.yaml"))
    assert "agentperf" not in cassette.read_text("utf-8")
