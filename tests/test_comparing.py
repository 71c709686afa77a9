"""`compare` and `review` of stored runs; with real sessions, in tests/plugin/test_baseline.py."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_agentperf.cli import main
from pytest_agentperf.judge import revisions
from pytest_agentperf.model.miss import Miss
from pytest_agentperf.model.report import TestRun
from pytest_agentperf.report.formats import write
from report.test_formats import cause, regressed
from samples import report, run, trip

Store = Callable[..., None]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Runs in files of these names, in the folder that one stands in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "t.py").touch()

    def write_runs(**runs: list[TestRun]) -> None:
        for name, tests in runs.items():
            write(report(*tests), "json", tmp_path / f"{name}.json")

    return write_runs


def cut(nodeid: str) -> TestRun:
    """It did the first of its two calls."""
    whole = trip(nodeid)
    return run(replace(whole, calls=whole.calls[:1], spans=whole.spans[:1]), "failed")


@pytest.mark.parametrize(
    "died",
    [
        replace(cut("t.py::a"), stopped="no recorded answer for POST https://x"),
        replace(cut("t.py::a"), profile=replace(cut("t.py::a").profile, misses=(Miss(asked=trip().calls[1]),))),
        replace(cut("t.py::a"), stopped="no recorded answer", profile=replace(trip("t.py::a"), calls=(), spans=())),
        cut("t.py::a"),
    ],
    ids=["stopped", "missed", "at once", "by itself"],
)
def test_what_did_not_finish_is_not_better(store: Store, died: TestRun, capsys: pytest.CaptureFixture[str]) -> None:
    store(a=[run(trip("t.py::a")), run(trip("t.py::b"))], b=[died, run(trip("t.py::b"))])
    assert main(["compare", "a.json", "b.json"]) == 1
    assert capsys.readouterr().out == "agentperf: 1 test compared, 0 changed, 1 test did not finish in B: left out\n"
    assert main(["compare", "b.json", "a.json"]) == 0
    assert capsys.readouterr().out == "agentperf: 1 test compared, 0 changed, 1 test did not finish in A: left out\n"


def test_review_takes_the_kinds_that_the_run_has(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    nodeid = "t.py::a"
    found = tuple(replace(cause(nodeid), kind=kind, key=kind) for kind in ("parallel-won", "cache-hit"))
    write(replace(report(regressed(nodeid)), causes=found), "json", Path("run.json"))
    assert main(["review", "run.json", "--accept=parallel-won", "--accept=cache-hit"]) == 0
    assert "2 causes accepted, 1 baseline written" in capsys.readouterr().out
    assert main(["review", "run.json", "--accept=warmth"]) == 2
    assert capsys.readouterr().err == (
        "pytest-agentperf: --accept=warmth: there is no such kind; the run's causes are of: cache-hit, parallel-won\n"
    )


def test_review_says_where_head_is_not_what_ran(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    for arguments in (("init", "-q"), (*identity, "commit", "-qm", "x", "--allow-empty")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    now, other = revisions.head(tmp_path), "c0ffee" * 6 + "c0ff"
    for commit, told in ((other, [f"the run is of commit c0ffeec0ffee, and HEAD is {now[:12]}"]), (now, []), ("", [])):
        of = replace(report(regressed("t.py::a")), causes=(cause("t.py::a"),), commit=commit)
        write(of, "json", tmp_path / "run.json")
        assert main(["review", "run.json"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if "HEAD" in line] == [f"agentperf: {line}" for line in told]
