"""One table: every option as a flag, an ini key and an environment variable; the result is a frozen `Settings`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import pytest


class Config(Protocol):
    """What is asked of `pytest.Config`."""

    @property
    def rootpath(self) -> Path: ...
    @property
    def inipath(self) -> Path | None: ...
    def getoption(self, name: str, default: Any = ...) -> Any: ...
    def getini(self, name: str) -> Any: ...


class Option(NamedTuple):
    name: str
    """The field of `Settings`."""
    key: str
    """The ini key; the environment variable is the same in capitals."""
    flag: str | None
    help: str
    default: str | bool | tuple[str, ...] | None = None
    """A tuple: lines."""
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    bare: str | None = None
    """What the flag means without a value; None: it needs one."""
    enables: bool = False
    """Whoever sets it wants `--agentperf` too, without which it would do nothing."""


UPDATES = ("new", "better", "worse", "removed", "force")

OPTIONS = (
    Option(
        name="enabled",
        key="agentperf",
        flag="--agentperf",
        default=False,
        help="profile every test that calls an LLM and print the summary (limits hold without it)",
    ),
    Option(
        name="record",
        key="agentperf_record",
        flag="--agentperf-record",
        default="none",
        choices=("none", "once", "new", "all"),
        help="record cassettes of @pytest.mark.vcr tests: once (where there is none), new (what is missing too), "
        "all (again); default none: replay, and never touch the network",
    ),
    Option(
        name="pace",
        key="agentperf_pace",
        flag="--agentperf-pace",
        default="virtual",
        choices=("virtual", "instant", "real"),
        help="how a replay waits for recorded latency: virtual (default: jumped over, yet counted), real (slept), "
        "instant (left out)",
    ),
    Option(
        name="json_path",
        key="agentperf_json",
        flag="--agentperf-json",
        metavar="PATH",
        enables=True,
        help="write everything about the run to a JSON file",
    ),
    Option(
        name="markdown_path",
        key="agentperf_markdown",
        flag="--agentperf-markdown",
        metavar="PATH",
        enables=True,
        help="write a page for the summary of a CI job",
    ),
    Option(
        name="html_path",
        key="agentperf_html",
        flag="--agentperf-html",
        metavar="PATH",
        enables=True,
        help="write one page with everything, for a browser",
    ),
    Option(
        name="trace_path",
        key="agentperf_trace",
        flag="--agentperf-trace",
        metavar="PATH",
        enables=True,
        help="write the timelines of all tests for Perfetto and speedscope",
    ),
    Option(
        name="github",
        key="agentperf_github",
        flag="--agentperf-github",
        default=False,
        enables=True,
        help="annotate the pull request and add to the summary of the job, where this runs in a workflow on GitHub",
    ),
    Option(
        name="limits_path",
        key="agentperf_limits",
        flag=None,
        default="agentperf.yaml",
        help="YAML file of limits by test path and of prices (default: agentperf.yaml in rootdir)",
    ),
    Option(
        name="prices",
        key="agentperf_prices",
        flag=None,
        default="",
        help="prices of models that no public table knows, as under `prices` in agentperf.yaml, and before those: "
        "`our-model: {input: 0.2, output: 0.8}`, US dollars per million tokens",
    ),
    Option(
        name="default_latency",
        key="agentperf_default_latency",
        flag=None,
        default="",
        help="how long replayed answers take that neither the cassette nor the provider timed, a line a model: "
        "`gpt-4o*: 400 + 12` is 400 ms, and 12 ms for each token of output",
    ),
    Option(
        name="wall_clock",
        key="agentperf_wall_clock",
        flag=None,
        default="now",
        help="the date at which a test in virtual time starts: now (default), recorded (that of its cassette), or a date "
        "such as 2025-01-31 or 2025-01-31T12:00:00Z",
    ),
    Option(
        name="tools",
        key="agentperf_tools",
        flag=None,
        default="all",
        choices=("all", "seams", "off"),
        help="how runs of the agent's tools are seen: all (default), seams (of known frameworks only; raw loops are not "
        "watched), off",
    ),
    Option(
        name="fail_on",
        key="agentperf_fail_on",
        flag="--agentperf-fail-on",
        default="",
        metavar="CODES",
        help="fail tests for what these rules find: AP101, or AP1 for all that begin so; `pytest-agentperf rules` lists them",
    ),
    Option(
        name="ignore",
        key="agentperf_ignore",
        flag="--agentperf-ignore",
        default="",
        metavar="CODES",
        help="say nothing about what these rules find",
    ),
    Option(
        name="thresholds",
        key="agentperf_thresholds",
        flag=None,
        default="",
        help="above which rules AP404 and AP304 speak: `llm=3000 tool=1000 calls=20 share=60` (ms of one LLM call, ms of one "
        "tool, LLM calls of a test, percent of its cost for one operation)",
    ),
    Option(
        name="estimates",
        key="agentperf_estimates",
        flag=None,
        default="show",
        choices=("show", "judge"),
        help="what token counts of ours are good for where the provider states none: show (default), or judge: limits "
        "take them for true",
    ),
    Option(
        name="unplayed",
        key="agentperf_unplayed",
        flag=None,
        default="report",
        choices=("report", "fail", "off"),
        help="recorded requests that a passed test did not ask for: report (default) tells them at the end, fail fails the "
        "test, off",
    ),
    Option(
        name="cassette_max_age",
        key="agentperf_cassette_max_age",
        flag=None,
        default="",
        help="tell cassettes that were recorded more than so many days ago",
    ),
    Option(
        name="match_ignore",
        key="agentperf_match_ignore",
        flag=None,
        default=(),
        help="JSON paths, one a line, of what does not count when a replay looks for a recorded request: metadata.id, "
        "messages[*].name, ..id",
    ),
    Option(
        name="match_normalize",
        key="agentperf_match_normalize",
        flag=None,
        default=(),
        help="regular expressions, one a line, of text in prompts that does not count there; date, time, uuid, hex, path and "
        "port are names of usual ones",
    ),
    Option(
        name="allowed_hosts",
        key="agentperf_allowed_hosts",
        flag=None,
        default=(),
        help="hosts, one a line, that may be reached while a cassette is replayed: collector.example.com, *.internal, "
        "10.0.0.7; this machine always may",
    ),
    Option(
        name="include_usage",
        key="agentperf_include_usage",
        flag=None,
        default="openai",
        choices=("openai", "all", "off"),
        help="while recording ask streamed chat answers for their token usage (stream_options.include_usage) where the agent "
        "does not; it does not see it: openai (default: of OpenAI itself), all (of every server of that API), off",
    ),
    Option(
        name="baseline",
        key="agentperf_baseline",
        flag=None,
        default="agentperf_baseline",
        help="name of the folders, beside the test modules, that hold the baselines (default: agentperf_baseline)",
    ),
    Option(
        name="update",
        key="agentperf_update",
        flag="--agentperf-update",
        metavar="WHAT",
        bare="new,better,worse,removed",
        enables=True,
        help="write the baselines: any of new, better, worse, removed (default: all of them; removed only where all that "
        "was collected ran); nothing is written where CI is set, unless `force` is among them",
    ),
    Option(
        name="ratchet",
        key="agentperf_ratchet",
        flag="--agentperf-ratchet",
        default=False,
        enables=True,
        help="fail a test that does better than its baseline, until that is recorded",
    ),
    Option(
        name="strict",
        key="agentperf_strict",
        flag="--agentperf-strict",
        default=False,
        enables=True,
        help="fail a test that has no baseline",
    ),
    Option(
        name="suggest",
        key="agentperf_suggest",
        flag="--agentperf-suggest",
        default=False,
        enables=True,
        help="print limits for every test, as markers and as YAML, and what recording them again would cost",
    ),
    Option(
        name="against",
        key="agentperf_against",
        flag="--agentperf-against",
        metavar="REF",
        enables=True,
        help="tell changes since the merge base with this git revision too (default: the target of a pull request on "
        "GitHub or GitLab)",
    ),
)


REPORTS = {"json": "json_path", "markdown": "markdown_path", "html": "html_path", "trace": "trace_path"}
"""Names in `report.formats` to the settings that say where to write them."""


class Settings(NamedTuple):
    enabled: bool
    record: Literal["none", "once", "new", "all"]
    pace: Literal["virtual", "instant", "real"]
    json_path: str | None
    markdown_path: str | None
    html_path: str | None
    trace_path: str | None
    github: bool
    limits_path: str
    prices: str
    default_latency: str
    wall_clock: str
    tools: Literal["all", "seams", "off"]
    fail_on: str
    ignore: str
    thresholds: str
    estimates: Literal["show", "judge"]
    unplayed: Literal["report", "fail", "off"]
    cassette_max_age: int | None
    """Days."""
    match_ignore: tuple[str, ...]
    match_normalize: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    include_usage: Literal["openai", "all", "off"]
    baseline: str
    update: frozenset[str]
    ratchet: bool
    strict: bool
    suggest: bool
    against: str | None
    asked: frozenset[str]
    """Names of the settings that somebody set, wherever."""

    @classmethod
    def read(cls, config: Config) -> Settings:
        """The flag wins over the environment, that over the ini file. Raises pytest.UsageError."""
        given = {option.name: _given(option, config) for option in OPTIONS}
        values: dict[str, Any] = {
            option.name: option.default if given[option.name] is None else given[option.name] for option in OPTIONS
        }
        values["cassette_max_age"] = _days(values["cassette_max_age"])
        for option in OPTIONS:
            if option.metavar == "PATH" and (path := values[option.name]) in ("", "-"):
                later = "; `pytest-agentperf report` can write to the terminal, later" if path else ""
                raise pytest.UsageError(f"{option.flag}: expected a path, got {path!r}{later}")
        values["update"] = _updates(values["update"])
        if given["enabled"] is None:
            values["enabled"] = any(option.enables and values[option.name] for option in OPTIONS)
        return cls(**values, asked=frozenset(name for name, value in given.items() if value is not None))


def _updates(text: str | None) -> frozenset[str]:
    """What is to be written; `force` is not a kind of it, and alone it is all kinds by force."""
    if text is None:
        return frozenset()
    words = {word.strip() for word in text.split(",")} - {""}
    if wrong := sorted(words.difference(UPDATES)) or (not words and [text]):
        raise pytest.UsageError(f"--agentperf-update: expected any of {', '.join(UPDATES)}, got {wrong[0]!r}")
    return frozenset(UPDATES if words == {"force"} else words)


def _days(text: object) -> int | None:
    if text and not str(text).isdecimal():
        raise pytest.UsageError(f"agentperf_cassette_max_age: expected a number of days, got {text!r}")
    return int(str(text)) if text else None


def declare(parser: pytest.Parser) -> None:
    group = parser.getgroup("agentperf", "performance of LLM agents")
    for option in OPTIONS:
        if isinstance(option.default, bool):
            group.addoption(option.flag or "", dest=option.key, action=argparse.BooleanOptionalAction, help=option.help)
        elif option.flag:
            bare: dict[str, Any] = {"nargs": "?", "const": option.bare} if option.bare else {}
            group.addoption(
                option.flag,
                dest=option.key,
                choices=option.choices or None,
                metavar=option.metavar,
                help=option.help,
                **bare,
            )
        parser.addini(option.key, option.help, type=_ini_type(option), default=None)


def part_from_paths(known: argparse.Namespace, args: list[str]) -> None:
    """A flag that may stand without a value takes none but after `=`: argparse would take a path that follows it."""
    for option in OPTIONS:
        if option.bare and option.flag in args:
            args[args.index(option.flag)] = f"{option.flag}={option.bare}"
            if (taken := getattr(known, option.key)) not in (None, option.bare):
                known.file_or_dir.insert(0, taken)


def _ini_type(option: Option) -> Literal["bool", "linelist", "string"]:
    if isinstance(option.default, tuple):
        return "linelist"
    return "bool" if isinstance(option.default, bool) else "string"


def _given(option: Option, config: Config) -> str | bool | tuple[str, ...] | None:
    """What somebody set; None where nobody did."""
    if (value := config.getoption(option.key, None)) is not None:
        return value  # type: ignore[no-any-return]  # argparse checked it
    variable = option.key.upper()
    if text := os.environ.get(variable):
        return _parse(option, text, f"environment variable {variable}")
    place = f"{config.inipath.name if config.inipath else 'ini'}: {option.key}"
    try:
        value = config.getini(option.key)
    except (TypeError, ValueError, pytest.UsageError) as problem:
        raise pytest.UsageError(f"{place}: {problem}") from None
    if isinstance(value, list):
        return tuple(value) or None
    return _parse(option, value, place) if isinstance(value, str) and value else value or None


def _parse(option: Option, text: str, place: str) -> str | bool | tuple[str, ...]:
    if isinstance(option.default, tuple):
        return tuple(filter(None, map(str.strip, text.splitlines())))
    if isinstance(option.default, bool):
        words = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }
        if text.lower() not in words:
            raise pytest.UsageError(f"{place}: expected true or false, got {text!r}")
        return words[text.lower()]
    if option.choices and text not in option.choices:
        raise pytest.UsageError(f"{place}: expected one of {', '.join(option.choices)}, got {text!r}")
    return text
