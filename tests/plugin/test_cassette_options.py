"""What the session says of every cassette."""

from __future__ import annotations

import re
from shutil import copyfile

import pytest

from pytest_agentperf.cli import main


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


AGENT = """
import agent, pytest

@pytest.mark.vcr
def test_agent(profiler):
    for prompt in {prompts}: agent.ask(prompt)
"""


@pytest.fixture
def shrunk(session):
    """A test that asks for less than it recorded: `shrunk(["a"])`."""
    session.makepyfile(test_agents=AGENT.format(prompts=["a", "b", "c"]))
    session.runpytest("--agentperf-record=once").assert_outcomes(passed=1)

    def run(prompts, *flags):
        session.makepyfile(test_agents=AGENT.format(prompts=prompts))
        return session.runpytest(*flags)

    return run


UNPLAYED = "cassettes/test_agents/test_agent.yaml: 2 of 3 recorded requests were not asked for (1, 3)"


@pytest.mark.parametrize("flags", [(), ("--agentperf",), ("-n1",)])
def test_what_was_recorded_and_not_asked_for_is_told(shrunk, flags):
    result = shrunk(["b"], *flags)
    result.assert_outcomes(passed=1)
    assert UNPLAYED in " ".join(result.stdout.str().split())
    assert "not asked for" not in shrunk(["a", "b", "c"], *flags).stdout.str()


def test_many_cassettes_with_what_nobody_asks_for_are_one_note(session):
    test = """
        import agent, pytest

        @pytest.mark.vcr
        @pytest.mark.parametrize("case", range(7))
        def test_agent(case, profiler):
            for prompt in {asks}: agent.ask(prompt)
        """
    session.makepyfile(test_agents=test.format(asks=["a", "b"]))
    session.runpytest("--agentperf-record=new").assert_outcomes(passed=7)
    session.makepyfile(test_agents=test.format(asks=["a"]))
    told = " ".join(session.runpytest().stdout.str().split())
    assert (
        "agentperf: 7 cassettes hold 7 recorded requests that were not asked for; vcrpy's option drop_unused_requests "
        "drops them when they are recorded again; the first: cassettes/test_agents/test_agent[0].yaml: 1 of 2 recorded "
        "requests were not asked for (2)"
    ) in told
    assert told.count("not asked for") == 2


def test_it_fails_where_the_ini_file_says_so_and_is_not_told_of_a_test_that_failed(shrunk, monkeypatch):
    monkeypatch.setenv("AGENTPERF_UNPLAYED", "fail")
    result = shrunk(["b"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            UNPLAYED.replace("[", "[[]"),
            "  if the agent means to ask for less now: delete it and run pytest test_agents.py::test_agent --agentperf-record=once",
        ]
    )
    assert "not asked for" not in shrunk(["z"]).stdout.str()
    shrunk(["a", "b", "c"]).assert_outcomes(passed=1)
    shrunk(["b"], "--agentperf-record=all").assert_outcomes(passed=1)
    monkeypatch.setenv("AGENTPERF_UNPLAYED", "off")
    assert "not asked for" not in shrunk(["b"]).stdout.str()


def test_what_another_test_asks_for_is_played(session):
    session.makepyfile(
        test_agents="""
        import agent, pytest, vcr

        @pytest.mark.vcr
        @pytest.mark.default_cassette("shared")
        @pytest.mark.parametrize("prompt", ["a", "b"])
        def test_shared(prompt, profiler): agent.ask(prompt)

        @pytest.fixture(scope="module", autouse=True)
        def cassette():
            with vcr.use_cassette("module.yaml", record_mode="new_episodes"): yield

        @pytest.mark.parametrize("prompt", ["a", "b"])
        def test_module(prompt, profiler): agent.ask(prompt)
        """
    )
    session.runpytest("-p", "no:randomly", "--agentperf-record=new").assert_outcomes(passed=4)
    result = session.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=4)
    assert "not asked for" not in result.stdout.str()


def test_old_cassettes_are_told(shrunk, session, monkeypatch):
    (path,) = session.path.glob("cassettes/*/*.yaml")
    text = path.read_text("utf-8")
    monkeypatch.setenv("AGENTPERF_CASSETTE_MAX_AGE", "30")
    assert "days ago" not in shrunk(["a", "b", "c"]).stdout.str()
    path.write_text(re.sub(r"\w{3}, \d\d \w{3} \d{4}", "Sat, 21 Nov 2020", text), "utf-8")
    result = shrunk(["a", "b", "c"])
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_agent.yaml: recorded * days ago, more than agentperf_cassette_max_age = 30"])


def test_an_age_that_is_no_number_is_a_usage_error(pytester, monkeypatch):
    monkeypatch.setenv("AGENTPERF_CASSETTE_MAX_AGE", "old")
    assert "agentperf_cassette_max_age: expected a number of days, got 'old'" in pytester.runpytest().stderr.str()


def test_orphans(shrunk, session, capsys, monkeypatch):
    folder = next(session.path.glob("cassettes/*"))
    shrunk(["a", "b", "c"], "--agentperf-json=run.json").assert_outcomes(passed=1)
    assert main(["orphans", "run.json"]) == 0
    copyfile(folder / "test_agent.yaml", folder / "test_of_old.yaml")
    (folder / "limits.yaml").write_text("limits: {}\n")
    (folder / "damaged.yaml").write_text("interactions: []\n")
    capsys.readouterr()
    assert main(["orphans", "run.json"]) == 1
    out, err = capsys.readouterr()
    assert out.split() == ["cassettes/test_agents/damaged.yaml", "cassettes/test_agents/test_of_old.yaml"]
    assert err == "2 orphans of a run of 1 test\n"
    monkeypatch.chdir(folder)
    assert main(["orphans", "../../run.json", "."]) == 1
    assert capsys.readouterr().out.split() == ["damaged.yaml", "test_of_old.yaml"]
