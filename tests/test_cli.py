from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_agentperf.cli import main
from pytest_agentperf.report.formats import write
from pytest_agentperf.report.json_file import read
from pytest_agentperf.report.terminal import render
from samples import report, run, trip


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    write(report(*(run(trip(f"tests/test_a.py::test_{at}")) for at in range(3))), "json", path)
    return path


def shown(width: int, *, rows: int = 20, color: bool = False) -> str:
    of = report(*(run(trip(f"tests/test_a.py::test_{at}")) for at in range(3)))
    return "".join(f"{line}\n" for line in render(of, width=width, color=color, max_rows=rows))


def test_show_prints_the_same_summary(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(stored), "--width", "120"]) == 0
    assert capsys.readouterr().out == shown(120)


def test_show_lists_as_many_tests_as_asked(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(stored), "--width=80", "--rows=1"]) == 0
    assert capsys.readouterr().out == shown(80, rows=1)


def test_show_takes_the_width_of_the_terminal(
    stored: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "133")

    assert main(["show", str(stored)]) == 0
    assert capsys.readouterr().out == shown(133)


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_on_a_terminal_unless_it_is_not_wanted(
    stored: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    colored: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    main(["show", str(stored), "--width=80"])

    assert capsys.readouterr().out == shown(80, color=colored)


def test_a_file_that_is_none_of_ours_is_one_line_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_text("{}")

    assert main(["show", str(tmp_path / "other.json")]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"pytest-agentperf: {tmp_path / 'other.json'}: not a run of pytest-agentperf")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["sing"], "invalid choice: 'sing'"),
        (["show"], "the following arguments are required: RUN.JSON"),
        (["show", "x", "--width=0"], "argument --width: invalid positive number value: '0'"),
        (["show", "x", "--rows=many"], "argument --rows: invalid positive number value: 'many'"),
    ],
)
def test_wrong_arguments_are_2(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert told in capsys.readouterr().err


def test_as_a_module_and_into_a_pipe_that_closes_early(stored: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # nobody reads
    with os.fdopen(writer) as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_agentperf", "show", str(stored)],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")


def test_rules_are_listed_and_explained(capsys):
    assert main(["rules"]) == 0
    assert "AP101 sequential-tools: tools of one turn that ran one after another\n" in capsys.readouterr().out
    assert main(["explain", "AP101"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("# AP101 sequential-tools: tools of one turn that ran one after another\n\n")
    assert main(["explain", "sequential-tools"]) == 0
    assert capsys.readouterr().out == told
    assert main(["explain", "ap1"]) == 0
    assert capsys.readouterr().out.startswith(told + "\n# AP102 turns-in-a-row: ")
    with pytest.raises(SystemExit):
        main(["explain", "AP999"])
    assert "argument RULE: no rule 'AP999'; `pytest-agentperf rules` lists them" in capsys.readouterr().err


def test_report_makes_any_format_of_a_stored_run(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(stored), "--html", str(tmp_path / "out" / "run.html"), "--markdown", "-"]) == 0
    assert (tmp_path / "out" / "run.html").read_text("utf-8").startswith("<!doctype html>")
    assert capsys.readouterr().out.startswith("### agentperf: 3 tests, no problem\n")


def test_report_asks_which(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(stored)]) == 2
    assert capsys.readouterr().err.startswith("pytest-agentperf report: say which: --json PATH, --markdown PATH, ")


def test_merge_makes_one_run_of_shards(stored: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    write(report(run(trip("tests/test_b.py::test_b"))), "json", other)
    assert main(["merge", str(stored), str(other), "--output", str(tmp_path / "all.json")]) == 0
    assert len(read(tmp_path / "all.json").tests) == 4


def test_a_report_that_cannot_be_written(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(stored), "--html", str(stored / "x")]) == 2
    assert "cannot be written: " in capsys.readouterr().err


def test_a_path_that_cannot_be_read_is_one_line_and_2(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(stored.parent)
    for arguments in (["orphans", "run.json", "nowhere"], ["show", "nowhere"], ["inspect", "nowhere"]):
        assert main(arguments) == 2
        assert capsys.readouterr() == ("", "pytest-agentperf: nowhere: No such file or directory\n")
    (stored.parent / "conftest").mkdir()
    assert main(["report", "run.json", "--html", "conftest"]) == 2
    assert capsys.readouterr().err == "pytest-agentperf: conftest cannot be written: Is a directory\n"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"pytest-agentperf {version('pytest-agentperf')}\n"


def test_what_was_written_is_told(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(stored.parent)
    assert main(["report", "run.json", "--html=run.html", "--markdown=run.md"]) == 0
    assert capsys.readouterr() == ("", "wrote run.md\nwrote run.html\n")
    assert main(["merge", "run.json", "-o", "all.json"]) == 0
    assert capsys.readouterr() == ("", "wrote all.json\n")


def test_merge_pours_no_json_into_a_terminal_unless_asked(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["merge", str(stored)]) == 0
    assert capsys.readouterr().out == stored.read_text("utf-8")

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["merge", str(stored)]) == 2
    told = capsys.readouterr()
    assert told == ("", "pytest-agentperf merge: say where to: -o FILE, or -o - for the terminal\n")
    assert main(["merge", str(stored), "-o", "-"]) == 0
    assert capsys.readouterr().out == stored.read_text("utf-8")
