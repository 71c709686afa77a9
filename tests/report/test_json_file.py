from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from pytest_agentperf.model.codec import to_text
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.profile import Gauge, Profile
from pytest_agentperf.model.report import Report
from pytest_agentperf.report.formats import write
from pytest_agentperf.report.json_file import UnreadableRun, from_document, read, render
from samples import broken, call, limit, profiles, report, run, trip


def two() -> Report:
    lost = replace(
        trip("tests/test_z.py::test_streamed"), calls=(call(0, 0, None, first_ms=500, timing=Timing.STATED),)
    )
    return report(
        run(trip(), "failed", broken(trip(), limit())), run(lost), notes=("a note",), bugs=("KeyError: 'x' at a.py:1",)
    )


def document(of: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(render(of)))
    return found


def as_travelled(of: Report) -> Report:
    return replace(of, texts=tuple(map(to_text, of.tests)))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "run.json"
    write(two(), "json", path)

    assert read(path) == two()
    assert path.read_bytes().endswith(b"}\n")
    assert [entry.name for entry in path.parent.iterdir()] == ["run.json"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tests=st.lists(profiles(), max_size=3), gauge=st.floats(allow_nan=False))
def test_every_report_survives(tests: list[Profile], gauge: float) -> None:
    of = report(
        *(
            run(replace(profile, nodeid=f"t.py::test_{at}", gauges=(Gauge(name="g", value=gauge),)))
            for at, profile in enumerate(tests)
        )
    )

    assert from_document(document(of)) == of
    assert from_document(document(as_travelled(of))) == of


def test_the_same_bytes_from_tests_as_they_travelled_and_from_those_that_were_read_or_changed(tmp_path: Path) -> None:
    sent = as_travelled(two())
    first, second = sent.tests
    changed = sent.with_tests([replace(first, new=True), second])

    assert document(sent) == document(two())
    assert document(changed)["tests"] == document(report(replace(first, new=True), second))["tests"]
    write(sent, "json", tmp_path / "run.json")
    assert "".join(render(read(tmp_path / "run.json"))) == (tmp_path / "run.json").read_text("utf-8")


def test_the_same_bytes_in_whatever_order_tests_and_notes_came(tmp_path: Path) -> None:
    tests = [run(trip(f"tests/test_a.py::test_{at}")) for at in range(20)]
    notes = ["b", "a", "c"]
    written = set()
    for seed in range(5):
        random.Random(seed).shuffle(tests)
        random.Random(seed).shuffle(notes)
        write(report(*tests, notes=tuple(notes)), "json", tmp_path / "run.json")
        written.add((tmp_path / "run.json").read_bytes())

    assert len(written) == 1


def test_a_reader_with_jq_finds_the_numbers() -> None:
    written = document(two())
    test, lost = written["tests"]

    assert list(written) == ["format", "version", "versions", "totals", "notes", "bugs", "causes", "tests"]
    assert {key: value for key, value in written.items() if key not in ("totals", "causes", "tests")} == snapshot(
        {
            "format": "pytest-agentperf run",
            "version": 2,
            "versions": {"pytest-agentperf": "0.1.0", "genai-prices": "0.2.1"},
            "notes": ["a note"],
            "bugs": ["KeyError: 'x' at a.py:1"],
        }
    )
    assert written["totals"] == snapshot(
        {
            "tests": 2,
            "latency": {"value": 4200, "unit": "ms", "estimated": False, "unknown_tests": 1},
            "llm_time": {"value": 2650, "unit": "ms", "estimated": False, "unknown_tests": 1},
            "tool_time": {"value": 3800, "unit": "ms", "estimated": False, "unknown_tests": 0},
            "sequential_loss": {"value": 0, "unit": "ms", "estimated": False, "unknown_tests": 0},
            "cpu": {"value": 24, "unit": "ms", "estimated": False, "unknown_tests": 0},
            "tokens": {"value": 4165, "unit": "tokens", "estimated": False, "unknown_tests": 0},
            "input_tokens": {"value": 3910, "unit": "tokens", "estimated": False, "unknown_tests": 0},
            "output_tokens": {"value": 255, "unit": "tokens", "estimated": False, "unknown_tests": 0},
            "cache_read_tokens": {"value": 3072, "unit": "tokens", "estimated": False, "unknown_tests": 0},
            "reasoning_tokens": {"value": 192, "unit": "tokens", "estimated": False, "unknown_tests": 0},
            "cost": {"value": 0.000576, "unit": "USD", "estimated": False, "unknown_tests": 0},
            "llm_calls": {"value": 3, "unit": "calls", "estimated": False, "unknown_tests": 0},
            "turns": {"value": 3, "unit": "turns", "estimated": False, "unknown_tests": 0},
            "tool_calls": {"value": 2, "unit": "calls", "estimated": False, "unknown_tests": 0},
            "tool_runs": {"value": 4, "unit": "calls", "estimated": False, "unknown_tests": 0},
            "retries": {"value": 0, "unit": "calls", "estimated": False, "unknown_tests": 0},
            "request_bytes": {"value": 0, "unit": "bytes", "estimated": False, "unknown_tests": 0},
            "response_bytes": {"value": 0, "unit": "bytes", "estimated": False, "unknown_tests": 0},
        }
    )
    assert (test["nodeid"], test["outcome"], test["time"]) == (trip().nodeid, "failed", "virtual")
    assert test["violations"][0]["limit"]["text"] == "max_latency(4000)"
    assert test["metrics"] == snapshot(
        {
            "latency": {"value": 4200, "unit": "ms"},
            "ttft": {"value": 1250, "unit": "ms"},
            "llm_time": {"value": 2650, "unit": "ms"},
            "tool_time": {"value": 1900, "unit": "ms"},
            "tool_overlap": {"value": 2, "unit": "calls"},
            "sequential_loss": {"value": 0, "unit": "ms"},
            "cpu": {"value": 12, "unit": "ms"},
            "memory": {
                "value": None,
                "unit": "MB",
                "why": "it is measured in tests that limit it, with max_memory(mb), and told when they end",
            },
            "tokens": {"value": 2880, "unit": "tokens"},
            "input_tokens": {"value": 2710, "unit": "tokens"},
            "output_tokens": {"value": 170, "unit": "tokens"},
            "cache_read_tokens": {"value": 2048, "unit": "tokens"},
            "reasoning_tokens": {"value": 128, "unit": "tokens"},
            "cost": {"value": 0.000384, "unit": "USD"},
            "llm_calls": {"value": 2, "unit": "calls"},
            "turns": {"value": 2, "unit": "turns"},
            "tool_calls": {"value": 2, "unit": "calls"},
            "tool_runs": {"value": 2, "unit": "calls"},
            "retries": {"value": 0, "unit": "calls"},
            "request_bytes": {"value": 0, "unit": "bytes"},
            "response_bytes": {"value": 0, "unit": "bytes"},
        }
    )
    assert lost["metrics"]["latency"] == snapshot(
        {
            "value": None,
            "unit": "ms",
            "why": "the end of 1 of 1 LLM calls is not in the cassette: for a streamed answer the provider states its first byte only",
        }
    )
    assert lost["time"] == "stated"


def test_its_commit_is_kept_where_it_has_one(tmp_path: Path) -> None:
    of = replace(two(), commit="c0ffee")
    write(of, "json", tmp_path / "run.json")
    assert read(tmp_path / "run.json") == of
    assert list(document(of))[:4] == ["format", "version", "versions", "commit"]


def test_names_beyond_ascii_and_beyond_unicode(tmp_path: Path) -> None:
    of = report(run(trip("tests/test_\u00e4.py::test[\u65e5\u672c]")), run(trip("tests/test_\udcff.py::test")))
    write(of, "json", tmp_path / "run.json")

    assert read(tmp_path / "run.json") == of
    assert "test[\u65e5\u672c]" in (tmp_path / "run.json").read_text("utf-8")


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.json"
    write(two(), "json", path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(report(), "json", path)

    assert read(path) == two()
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "run.json")
    write(two(), "json", tmp_path / "link.json")

    assert (tmp_path / "link.json").is_symlink()
    assert read(tmp_path / "run.json") == two()


def changed(**changes: object) -> str:
    return json.dumps({**document(two()), **changes})


SHARE = {"metric": "warmth", "amount": 1, "unit": "calls"}
WARMTH = {"metric": "warmth", "was": 1, "now": 2, "limit": None, "unit": "calls", "verdict": "regression"}


@pytest.mark.parametrize(
    ("text", "problem", "way_out"),
    [
        ("{", "not JSON: ", "pytest --agentperf --agentperf-json=PATH"),
        ("\x00\xff", "not JSON: ", "pytest --agentperf --agentperf-json=PATH"),
        ("[]", r"not a run of pytest-agentperf \(format: \[\]\)", "--agentperf-json=PATH"),
        ('{"benchmarks": []}', r"not a run of pytest-agentperf \(format: None\)", "--agentperf-json=PATH"),
        (changed(format="x" * 100), r"format: 'x{56}\.\.\.\)", "--agentperf-json=PATH"),
        (changed(version=3), "version 3 is newer .* reads up to 2", "pip install --upgrade pytest-agentperf"),
        (changed(version=0), "version 0 is none of this format", "--agentperf-json=PATH"),
        (changed(version="1"), "version '1' is none of this format", "--agentperf-json=PATH"),
        (changed(tests=[{}]), "test 1 is damaged: TestRun: outcome, profile missing", "--agentperf-json=PATH"),
        (changed(tests=[7]), "test 1 is damaged: ", "--agentperf-json=PATH"),
        (changed(tests=None), "the run is damaged: ", "--agentperf-json=PATH"),
        (changed(versions=[]), r"the run is damaged: versions: expected an object, got \[\]", "--agentperf-json=PATH"),
        (changed(notes=None), "the run is damaged: expected an array, got None", "--agentperf-json=PATH"),
        (
            changed(tests=[{"nodeid": "t.py::a", "outcome": "passed"}]),
            "test t.py::a is damaged: TestRun: profile missing",
            "--agentperf-json=PATH",
        ),
        (
            changed(tests=[{"nodeid": "t", "outcome": "passed", "profile": ["x" * 1000]}]),
            r"test t is damaged: Profile: expected an object, got \['x{150,200}\.\.\.; write",
            "--agentperf-json=PATH",
        ),
        (
            changed(tests=[{"outcome": "failed", "profile": {"nodeid": "t"}, "changes": [WARMTH]}]),
            "test 1 is damaged: there is no metric 'warmth'",
            "--agentperf-json=PATH",
        ),
        (
            changed(causes=[{"kind": "k", "key": "k", "sentence": "s", "hits": [], "shares": [SHARE]}]),
            "the run is damaged: there is no metric 'warmth'",
            "--agentperf-json=PATH",
        ),
        (
            changed(causes=[{"kind": "k", "key": "k", "sentence": "s", "hits": [], "shares": []}]),
            "the run is damaged: a cause has no test",
            "--agentperf-json=PATH",
        ),
        (
            changed(tests=[{"outcome": "passed", "worker": "", "violations": [], "profile": {"nodeid": "t", "x": 1}}]),
            "test 1 is damaged: Profile: unknown field 'x'",
            "--agentperf-json=PATH",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_a_way_out(tmp_path: Path, text: str, problem: str, way_out: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, "latin-1")

    with pytest.raises(UnreadableRun, match=problem) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert way_out in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRun, match=r"none\.json: No such file or directory"):
        read(tmp_path / "none.json")
