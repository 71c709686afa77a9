"""Each report is read by what it is written for."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generated import PRICES, suite
from pytest_agentperf.judge.causes import causes, explain
from pytest_agentperf.judge.gate import compare, priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.model.call import MOST_CHUNKS, ModelCall
from pytest_agentperf.model.change import Cause, Change, Hit, Share, Verdict
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report import codequality, github, html, markdown, series, trace
from pytest_agentperf.report.formats import FORMATS
from pytest_agentperf.report.lanes import lanes
from pytest_agentperf.report.merging import merge
from pytest_agentperf.report.problems import problems
from samples import broken, limit, profiles, report, run, trip

MS_LOST = Share(metric="latency", amount=600, unit="ms")


def finding() -> Finding:
    return Finding(
        code="AP101",
        name="sequential-tools",
        message="flights and weather ran one after another, 600 ms of 1,900 ms",
        fix="Await them together.",
        cause="loop",
        lost_ms=600,
        tools=("flights", "weather"),
        where="agents/trip.py:31",
    )


def regressed(nodeid: str) -> TestRun:
    change = Change(
        metric="latency", was=3600, now=4200, limit=3672, unit="ms", verdict=Verdict.REGRESSION, why="over 2 %"
    )
    seen = replace(trip(nodeid), findings=(finding(),))
    return replace(run(seen, "failed"), changes=(change,), base=trip(nodeid), where="tests/test_trip.py:7")


def cause(*nodeids: str, amount: int = 600) -> Cause:
    shares = (replace(MS_LOST, amount=amount), Share(metric="cost", amount=Decimal("0.001"), unit="USD"))
    return Cause(
        kind="parallel-batch-lost",
        key="flights|weather",
        sentence="flights and weather no longer run at once",
        shares=tuple(replace(s, amount=s.amount * len(nodeids)) for s in shares),  # type: ignore[operator]
        hits=tuple(Hit(nodeid=nodeid, shares=shares) for nodeid in nodeids),
    )


def whole() -> Report:
    names = ("tests/test_trip.py::test_one", "tests/test_trip.py::test_two[a|b `c` <i>]")
    limited = run(trip("tests/test_z.py::test_limited"), "failed", broken(trip(), limit()))
    return replace(
        report(*(regressed(name) for name in names), limited, notes=("a <b>note</b>",)), causes=(cause(*names),)
    )


def test_a_problem_a_cause_the_worst_first() -> None:
    found = problems(whole())
    assert [(problem.check, problem.severity, len(problem.tests)) for problem in found] == [
        ("regression/parallel-batch-lost", "error", 2),
        ("limit/latency", "error", 1),
        ("AP101", "warning", 2),
    ]
    assert [f"{problem.path}:{problem.line}" for problem in found] == [
        "tests/test_trip.py:7",
        "tests/agents/test_trip.py:12",
        "agents/trip.py:31",
    ]


def test_fingerprints_hold_no_measured_value() -> None:
    slower = replace(whole(), causes=(cause("tests/test_trip.py::test_one", amount=900),))
    assert problems(whole())[0].fingerprint == problems(slower)[0].fingerprint
    assert len({problem.fingerprint for problem in problems(whole())}) == 3


# -- Markdown ------------------------------------------------------------------------------------------------------------


def test_markdown() -> None:
    page = markdown.page(whole())
    assert page.startswith("### agentperf: 2 problems in 3 of 3 tests, 1 hint\n")
    assert (
        "| :x: | flights and weather no longer run at once<br>`tests/test_trip.py:7` | 2 | +1,200 ms latency<br>+$0.0020 |"
        in page
    )
    assert (
        "| ``tests/test_trip.py::test_two[a\\|b `c` <i>]`` | latency | 3,600 ms | 4,200 ms | regression: over 2 % |"
        in page
    )
    assert "> a \\<b\\>note\\</b\\>" in page


@pytest.mark.parametrize(
    ("tests", "told"),
    [
        ([], "no test ran"),
        ([run(trip())], "1 test, no problem"),
        ([run(trip()), run(trip("t.py::test_b"), "failed")], "2 tests, 1 failed for other reasons"),
        (
            [run(trip(), "failed", broken(trip(), limit())), run(trip("t.py::test_b"), "failed")],
            "1 problem in 1 of 2 tests, 1 failed for other reasons",
        ),
        ([run(trip(), "xfailed", broken(trip(), limit()))], "1 test, no problem"),
    ],
)
def test_the_heading_says_no_problem_only_where_there_is_none(tests: list[TestRun], told: str) -> None:
    assert markdown.page(report(*tests)).startswith(f"### agentperf: {told}\n")


def test_a_limit_that_an_expected_failure_does_not_keep_is_no_error() -> None:
    assert github.commands(report(run(trip(), "xfailed", broken(trip(), limit())))).startswith("::notice ")


@given(st.integers(200, 4000))
def test_a_page_that_is_too_long_ends_between_lines_and_says_so(limit_bytes: int) -> None:
    page = markdown._render(whole(), limit_bytes)
    assert len(page.encode()) <= limit_bytes
    full = markdown._render(whole(), 10**6)
    assert page == full or (full.startswith(page.split("\n_More")[0]) and "all of it" in page)


def test_a_comment_is_short_and_can_be_found_again() -> None:
    tests = [regressed(f"tests/test_a.py::test_{at:04}{'x' * 900}") for at in range(100)]
    causes = tuple(replace(cause(test.profile.nodeid), key=str(at)) for at, test in enumerate(tests))
    comment = markdown.comment(replace(report(*tests), causes=causes))
    assert comment.startswith("<!-- pytest-agentperf -->\n### agentperf")
    assert len(comment) < 65_536
    assert "More than fits here" in comment


def test_a_number_beside_its_name_has_no_second_unit() -> None:
    more = Change(
        metric="input_tokens", was=100, now=200, limit=None, unit="tokens", verdict=Verdict.REGRESSION, why="over 2 %"
    )
    page = markdown.page(report(replace(regressed("t.py::a"), changes=(more,))))
    assert "| `t.py::a` | input tokens | 100 | 200 | regression: over 2 % |" in page


def test_an_amount_is_told_once_in_markdown() -> None:
    told = replace(cause("t.py::a"), sentence="it is slower (1 test, +600 ms latency, +$0.0010)")
    page = markdown.page(replace(report(regressed("t.py::a")), causes=(told,)))
    assert "| it is slower (1 test, +600 ms latency, +$0.0010)<br>`tests/test_trip.py:7` | 1, `t.py::a` |  |" in page


# -- CI hosts ------------------------------------------------------------------------------------------------------------


def test_annotations_are_commands_of_one_line() -> None:
    assert github.commands(whole()).splitlines() == [
        "::error file=tests/test_trip.py,line=7,title=agentperf regression/parallel-batch-lost"
        "::flights and weather no longer run at once (2 tests)",
        "::error file=tests/agents/test_trip.py,line=12,title=agentperf limit/latency::over max_latency(4000)",
        "::warning file=agents/trip.py,line=31,title=agentperf AP101::flights and weather ran one after another, 600 ms "
        "of 1,900 ms (the worst of 2 tests). Await them together.",
    ]


def test_ten_annotations_of_a_kind_are_the_most() -> None:
    causes = tuple(replace(cause("tests/test_a.py::test_a"), key=str(at), sentence=f"50 %, {at}") for at in range(12))
    lines = github.commands(replace(report(regressed("tests/test_a.py::test_a")), causes=causes)).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"]
    assert lines[3].endswith("::50 %25, 3")


TEXT = {"type": "string", "minLength": 1}
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "description": TEXT,
            "check_name": TEXT,
            "fingerprint": TEXT,
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "properties": {
                    "path": {**TEXT, "not": {"pattern": r"^(\.?/|[A-Za-z]:)"}},  # relative, and not to `./`
                    "lines": {
                        "type": "object",
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                        "required": ["begin"],
                    },
                },
                "required": ["path", "lines"],
            },
        },
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
    },
}
"""As https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format says it."""


def test_code_quality_has_what_gitlab_asks_for() -> None:
    entries = json.loads(codequality.render(whole()))
    pytest.importorskip("jsonschema").validate(entries, CODE_QUALITY)
    assert [entry["severity"] for entry in entries] == ["major", "major", "minor"]
    assert len({entry["fingerprint"] for entry in entries}) == 3


# -- timelines -----------------------------------------------------------------------------------------------------------


def nested(events: list[dict[str, float]]) -> None:
    """What a reader of the format demands of a line: complete events lie apart or inside each other."""
    ends: list[float] = []
    for event in sorted(events, key=lambda one: (one["ts"], -one["dur"])):
        while ends and ends[-1] <= event["ts"] + 1e-6:
            ends.pop()
        assert not ends or event["ts"] + event["dur"] <= ends[-1] + 1e-6
        ends.append(event["ts"] + event["dur"])


@given(profiles())
def test_a_trace_can_be_drawn(profile) -> None:  # type: ignore[no-untyped-def]
    document = json.loads(trace.render(report(run(profile))))
    lines: dict[tuple[int, int], list[dict[str, float]]] = {}
    for event in document["traceEvents"]:
        assert event["ph"] in "XM"
        if event["ph"] == "X":
            assert event["dur"] >= 0
            lines.setdefault((event["pid"], event["tid"]), []).append(event)
    for events in lines.values():
        nested([event for event in events if event.get("cat") != "stream"])
    assert sum(event.get("cat") not in (None, "stream") for event in document["traceEvents"]) == len(
        profile.calls
    ) + len(profile.spans)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair)))))
def test_lanes(stretches: list[tuple[int, int]]) -> None:
    placed = lanes(stretches, lambda one: one)
    assert sorted(one for _, one in placed) == sorted(stretches)
    for lane in {number for number, _ in placed}:
        nested([{"ts": start, "dur": end - start} for number, (start, end) in placed if number == lane])


# -- services ------------------------------------------------------------------------------------------------------------


def test_pytest_benchmark_compares_it(tmp_path: Path) -> None:
    pytest.importorskip("pytest_benchmark")
    document = series.pytest_benchmark(replace(whole(), commit="c0ffee"))
    assert json.loads(document)["commit_info"]["id"] == "c0ffee"
    (tmp_path / "0001_run.json").write_text(document, "utf-8")
    command = [sys.executable, "-m", "pytest_benchmark", "compare", "0001_run.json", "--columns=median,rounds"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "test_one" in done.stdout
    assert "4.2000" in done.stdout


def test_smaller_is_better() -> None:
    entries = json.loads(series.smaller_is_better(report(run(trip()))))
    assert {"name": "tests/agents/test_trip.py::test_plans_a_trip LLM calls", "unit": "calls", "value": 2} in entries
    assert not [entry for entry in entries if "cached" in entry["name"] or "CPU" in entry["name"]]


# -- shards --------------------------------------------------------------------------------------------------------------


def test_shards_merge_to_the_report_of_the_whole() -> None:
    before, after, _ = suite(12)
    bare = [[priced(skeleton(seen), PRICES) for seen in side] for side in (before, after)]
    runs = [
        TestRun(profile=new, outcome="passed", base=old, steps=explain(old, new, PRICES))
        for old, new in zip(*bare, strict=True)
    ]
    runs.sort(key=lambda test: test.profile.nodeid)
    together = replace(report(*runs), causes=causes(runs))
    merged = merge([replace(report(*half), causes=causes(half)) for half in (runs[6:], runs[:6])])

    assert merged == together
    assert any("4 tests" in cause.sentence for cause in merged.causes)
    assert merge([merged]) is merged


def test_a_test_in_two_shards_counts_once() -> None:
    merged = merge([report(regressed("t.py::a"))] * 2)
    assert len(merged.tests) == 1
    assert merged.notes == ("in several of the merged runs: 1 test; the last run of it counts",)


def test_shards_of_one_commit_are_of_it() -> None:
    one, two = (replace(report(regressed(name)), commit="c1") for name in ("t.py::a", "t.py::b"))
    assert merge([one, two]).commit == "c1"
    mixed = merge([one, replace(two, commit="")])
    assert (mixed.commit, mixed.notes) == ("", ("the merged runs are of several commits: c1, unknown",))


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_of_nothing(name: str) -> None:
    text = "".join(FORMATS[name].render(report()))
    assert text or name == "annotations"
    if text.lstrip().startswith(("{", "[")):
        json.loads(text)


# -- HTML: what the page makes of it is in test_html.py -----------------------------------------------------------------


def test_html_data() -> None:
    data = html.to_data(whole())
    assert [problem["tests"] for problem in data["problems"]] == [[0, 1], [2], [0, 1]]
    assert data["tests"]["name"][0] == "tests/test_trip.py::test_one"
    assert data["texts"][data["tests"]["outcome"][0]] == "failed"
    assert (data["tests"]["bars"], data["tests"]["base_bars"]) == ((6, 6, 6), (6, 6, 0))
    assert {len(column) for column in data["bars"].values()} == {6 * 5}
    assert {len(column) for column in data["calls"].values()} == {2 * 5}


def streamed(seen: Profile) -> Profile:
    """Each answer in pieces, sixteen of many, at a pace that is not quite even."""
    luck = random.Random(seen.nodeid)

    def pieces(call: ModelCall) -> ModelCall:
        first = call.start_ns + int(luck.uniform(0.1, 0.5) * (call.end_ns - call.start_ns))
        places = [(at + luck.uniform(-0.2, 0.2)) / (MOST_CHUNKS - 1) for at in range(1, MOST_CHUNKS - 1)]
        chunks = [first + int(place * (call.end_ns - first)) for place in (0, *places, 1)]
        return replace(call, streamed=True, first_byte_ns=first, chunks_ns=tuple(chunks))

    return replace(seen, calls=tuple(call if call.error else pieces(call) for call in seen.calls))


@pytest.mark.parametrize("answered", [lambda seen: seen, streamed], ids=["whole", "streamed"])
def test_a_page_of_a_thousand_tests_has_less_than_300_kB(answered: Callable[[Profile], Profile]) -> None:
    """Six LLM calls a test, nine of ten tests changed, so that their baselines are drawn too: 38,000 bars."""
    before, after, _ = suite(1000)
    runs = []
    for old, new in zip(before, after, strict=True):
        base, now = (priced(skeleton(seen), PRICES) for seen in (old, new))
        changes = compare(base, now, {})
        steps = explain(base, now, PRICES) if changes else ()
        runs.append(
            TestRun(
                profile=answered(priced(new, PRICES)),
                outcome="failed",
                changes=changes,
                base=base if changes else None,
                steps=steps,
            )
        )
    whole_run = replace(report(*runs), causes=causes(runs))
    assert len(html.to_data(whole_run)["bars"]["shape"]) > 38_000
    assert len(html.render(whole_run)) < 300_000
