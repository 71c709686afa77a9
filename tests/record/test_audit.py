"""Files, processes and imports that an agent comes back to again and again."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_agentperf.model.signal import Signals
from pytest_agentperf.record.probes import audit
from pytest_agentperf.record.probes.probing import probing
from pytest_agentperf.record.recorder import Recorder


@contextmanager
def audited() -> Iterator[list[Signals]]:
    seen: list[Signals] = []
    with Recorder() as recorder, probing(recorder, audits=True):
        yield seen
        signals = recorder.recording().signals
    assert signals
    seen.append(signals)


def test_a_file_that_is_read_again_and_again(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    (tmp_path / "once.json").write_text("{}")

    with audited() as seen:
        for _ in range(5):
            json.loads(config.read_text())
        (tmp_path / "once.json").read_text()

    (file,) = seen[0].files
    assert (file.path, file.reads, file.writes) == (str(config), 5, 0)
    assert "test_audit.py:" in file.where


def test_a_file_that_is_not_there_is_not_read(tmp_path: Path) -> None:
    with audited() as seen:
        for _ in range(6):
            with pytest.raises(FileNotFoundError):
                (tmp_path / "optional.json").read_text()

    assert seen[0].files == ()


@pytest.mark.parametrize("mode", ["w", "a"])
def test_reads_count_while_nobody_writes(tmp_path: Path, mode: str) -> None:
    page = tmp_path / "page.md"
    page.write_text("one")

    with audited() as seen:
        for version in range(4):
            for _ in range(version):
                page.read_text()
            with page.open(mode) as file:
                file.write("another")

    (file,) = seen[0].files
    assert file.reads == 3


@pytest.mark.parametrize("safely", [False, True])
def test_a_file_that_is_written_again_and_grows(tmp_path: Path, safely: bool) -> None:
    path = tmp_path / "trajectory.json"
    steps = []

    with audited() as seen:
        for step in range(6):
            steps.append("x" * 100)
            if safely:
                part = tmp_path / f"part{step}"
                part.write_text(json.dumps(steps))
                part.rename(path)
            else:
                with open(path, "w") as file:
                    json.dump(steps, file)

    (use,) = [use for use in seen[0].files if use.writes > 2]
    assert (use.path, use.writes, use.grew) == (str(path), 6, 5)
    assert use.written >= sum(104 * n for n in range(1, 6))


def test_appending_is_no_rewriting(tmp_path: Path) -> None:
    with audited() as seen:
        for _ in range(5):
            with (tmp_path / "log.txt").open("a") as file:
                file.write("line\n")

    assert seen[0].files == ()


def test_processes() -> None:
    with audited() as seen:
        for _ in range(2):
            subprocess.run([sys.executable, "-c", ""], check=True)
        subprocess.run("true", shell=True, check=True)

    assert [(s.program.startswith("python"), s.python, s.times) for s in seen[0].spawns] == [
        (True, True, 2),
        (False, False, 1),
    ]
    assert seen[0].spawns[1].program == "true"


def test_a_heavy_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_for_audit.py").write_text("sum(n for n in range(3_000_000))\n")
    (tmp_path / "light_for_audit.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))

    with audited() as seen:
        import heavy_for_audit  # noqa: F401
        import light_for_audit  # noqa: F401

        importlib.import_module("heavy_for_audit")

    (found,) = seen[0].imports
    assert found.module == "heavy_for_audit"
    assert found.took_ns >= 20_000_000


def test_outside_of_tests_the_hook_does_nothing(tmp_path: Path) -> None:
    with audited():
        pass
    assert audit.active is None
    for _ in range(5):
        os.listdir(tmp_path)
    assert (
        timeit.timeit(lambda: sys.audit("agentperf.test"), number=1000) < 1
    )  # a second for a thousand: it hangs nowhere
