"""Every option takes effect as a flag, in the ini file and in the environment, in that order."""

from __future__ import annotations

import pytest

from pytest_agentperf.options import OPTIONS, Settings

VALUES = {
    "enabled": ("", True),
    "record": ("all", "all"),
    "pace": ("real", "real"),
    "json_path": ("a.json", "a.json"),
    "markdown_path": ("a.md", "a.md"),
    "html_path": ("a.html", "a.html"),
    "trace_path": ("a.trace", "a.trace"),
    "github": ("", True),
    "tools": ("seams", "seams"),
    "fail_on": ("AP1,AP302", "AP1,AP302"),
    "ignore": ("AP102", "AP102"),
    "thresholds": ("llm=5", "llm=5"),
    "default_latency": ("gpt*: 400 + 12", "gpt*: 400 + 12"),
    "wall_clock": ("2025-01-31", "2025-01-31"),
    "estimates": ("judge", "judge"),
    "unplayed": ("fail", "fail"),
    "cassette_max_age": ("30", 30),
    "match_ignore": ("a.b", ("a.b",)),
    "match_normalize": ("date", ("date",)),
    "include_usage": ("off", "off"),
    "allowed_hosts": ("*.internal", ("*.internal",)),
    "baseline": ("elsewhere", "elsewhere"),
    "update": ("new, worse", frozenset({"new", "worse"})),
    "ratchet": ("", True),
    "strict": ("", True),
    "suggest": ("", True),
    "against": ("origin/main", "origin/main"),
}
BY_FLAG = [option for option in OPTIONS if option.flag]


def settings(pytester: pytest.Pytester, *args: str) -> Settings:
    return Settings.read(pytester.parseconfig(*args))


@pytest.mark.parametrize("option", BY_FLAG, ids=lambda option: option.name)
def test_by_flag(pytester, option):
    text, value = VALUES[option.name]
    read = settings(pytester, f"{option.flag}={text}" if text else option.flag)
    assert getattr(read, option.name) == value
    assert option.name in read.asked


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
@pytest.mark.parametrize("place", ["ini", "environment"])
def test_by_ini_and_environment(pytester, monkeypatch, option, place):
    text, value = VALUES.get(option.name, ("other.yaml", "other.yaml"))
    if place == "ini":
        pytester.makeini(f"[pytest]\n{option.key} = {text or 'true'}\n")
    else:
        monkeypatch.setenv(option.key.upper(), text or "true")
    assert getattr(settings(pytester), option.name) == value


def test_defaults(pytester):
    read = settings(pytester)
    assert (read.enabled, read.record, read.pace, read.json_path, read.limits_path) == (
        False, "none", "virtual", None, "agentperf.yaml",
    )  # fmt: skip
    assert not read.asked


@pytest.mark.parametrize(
    "option",
    [option for option in BY_FLAG if option.name not in ("enabled", "record", "pace", "fail_on", "ignore")],
    ids=lambda option: option.name,
)
def test_what_does_nothing_without_the_switch_sets_it(pytester, option):
    text, _ = VALUES[option.name]
    flag = f"{option.flag}={text}" if text else option.flag
    assert settings(pytester, flag).enabled
    assert not settings(pytester, flag, "--no-agentperf").enabled


def test_the_flag_wins_over_the_environment_and_that_over_the_ini_file(pytester, monkeypatch):
    pytester.makeini("[pytest]\nagentperf = true\nagentperf_pace = real\n")
    assert settings(pytester).enabled
    assert not settings(pytester, "--no-agentperf").enabled
    monkeypatch.setenv("AGENTPERF_PACE", "instant")
    assert settings(pytester).pace == "instant"
    assert settings(pytester, "--agentperf-pace=virtual").pace == "virtual"


@pytest.mark.parametrize(
    ("ini", "environment", "message"),
    [
        ("agentperf_pace = fast", {}, "tox.ini: agentperf_pace: expected one of virtual, instant, real, got 'fast'"),
        ("agentperf = perhaps", {}, "tox.ini: agentperf: "),
        (
            "",
            {"AGENTPERF_RECORD": "some"},
            "environment variable AGENTPERF_RECORD: expected one of none, once, new, all",
        ),
        ("", {"AGENTPERF": "perhaps"}, "environment variable AGENTPERF: expected true or false, got 'perhaps'"),
    ],
)
def test_bad_values_are_usage_errors(pytester, monkeypatch, ini, environment, message):
    pytester.makeini(f"[pytest]\n{ini}\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()


@pytest.mark.parametrize(("ini", "passed"), [("", 0), ("agentperf_estimates = judge\n", 1)])
def test_estimates_judge_where_the_ini_file_says_so(session, ini, passed):
    session.makepyfile(
        """
        import agent, httpx2, pytest

        @pytest.mark.max_tokens(1000)
        def test_a_stream_that_was_not_asked_for_usage():
            httpx2.post(agent.URL, json=agent.body("hi", stream=True))
        """
    )
    with (session.path / "tox.ini").open("a") as file:
        file.write(f"\n{ini}")
    session.runpytest().assert_outcomes(passed=passed, failed=1 - passed)


def test_a_document_that_cannot_be_written_is_told(pytester):
    pytester.makepyfile("def test_x(): pass")
    result = pytester.runpytest("--agentperf-json=.")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["--agentperf-json: . cannot be written: Is a directory"])
    assert pytester.runpytest("--agentperf-json=").ret == pytest.ExitCode.USAGE_ERROR
