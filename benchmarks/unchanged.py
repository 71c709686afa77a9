"""Whether a suite that nobody changed is ever told to have changed, and one that somebody did of just that.

    python benchmarks/unchanged.py [TESTS] [RUNS]

Writes the baselines of TESTS (1,000) replays of generated agents (`replays.py`), and of agents of every shape that `tests/shapes.py`
has (threads, tasks, streams, races, retries, time-outs). All runs are sessions of pytest with hash seeds of their own, beside a
busy process. With six changes put into the agents, a run and one with `-n 2` must tell of six causes, each of just the tests that
have it, whose shares add up to the changes of all tests exactly. Without them, RUNS runs (50), half of them with `-n 2`, must
each tell of no change and no cause. Exits with 1 where one does not. Beside nothing else on two cores a run of 1,000
takes about 18 s, all of it a quarter of an hour.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.exact import ROOT, URL, load, write_cassette
from benchmarks.replays import node_id, turns, write_suite
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.report import Report
from pytest_agentperf.report.json_file import read
from shapes import SHAPES

RECORD = "--agentperf-update=new,force"
KINDS = ("cache-lost", "extra-turn", "model", "parallel-lost", "system-prompt", "tool-result")
ALONE, WORKERS = (), ("-n2",)
NAMES = [name for name, shape in SHAPES.items() if not shape.real]
OF_SHAPES = f"""
import pytest
from shapes import SHAPES

@pytest.mark.vcr
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.default_cassette(name)) for name in {NAMES!r}
])
def test_agent(name):
    SHAPES[name].run({URL!r})
"""


def session(folder: Path, *options: str, status: int = 0) -> Report:
    """A run of the suite. Raises SystemExit where it does not end as it should."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    environment["PYTHONHASHSEED"] = str(random.randrange(2**32))
    others = [f"-pno:{name}" for name in ("randomly", "recording", "asyncio", "cacheprovider")]
    (folder / "run.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", *others, "--rootdir=.", "--agentperf-json=run.json", *options]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != status:
        raise SystemExit(f"exit status {done.returncode}\n{done.stdout[-10_000:]}{done.stderr}")
    return read(folder / "run.json")


def told(report: Report, tests: int) -> list[str]:
    """What a run that nothing changed should not tell."""
    lines = [cause.sentence for cause in report.causes]
    lines += [f"{test.profile.nodeid}: {test.changes}" for test in report.tests if test.changes or test.steps]
    lines += [f"{test.profile.nodeid} is new" for test in report.tests if test.new]
    return [*lines, *report.bugs, *(() if len(report.tests) == tests else ("tests are missing",))]


def wrong(report: Report, tests: int) -> list[str]:
    """What a run with the six changes tells otherwise than it should."""
    if (kinds := tuple(sorted(cause.kind for cause in report.causes))) != KINDS:
        return [f"causes: {', '.join(kinds)}"]
    truth = [turns(number, changed=True)[1] for number in range(tests)]
    lines = []
    shares: Counter[str] = Counter()
    for cause in report.causes:
        hit = {node_id(number) for number, kinds in enumerate(truth) if cause.kind in kinds}
        lines += [] if hit == set(cause.tests) else [f"not in the tests that it is in: {cause.sentence}"]
        shares.update({share.metric: share.amount for share in cause.shares})
    changes: Counter[str] = Counter()
    for test in report.tests:
        numbers: list[tuple[str, Any, Any]] = [(one.metric, one.was, one.now) for one in test.changes]
        changes.update({name: now - was for name, was, now in numbers if METRICS[name].adds_up})
    for name in METRICS:
        if shares[name] != changes[name]:
            lines.append(f"{name}: the shares add up to {shares[name]}, the changes to {changes[name]}")
    return [*lines, *report.bugs]


def main(tests: int = 1000, runs: int = 50) -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, load(1):
        folder = Path(name)
        write_suite(folder, tests, changed=False)
        for shape in NAMES:
            write_cassette(shape, folder)
        (folder / "test_agents.py").write_text(OF_SHAPES)
        every = tests + len(NAMES)
        calls = sum(len(test.profile.calls) for test in session(folder, RECORD).tests)
        say(f"{every:,} tests, {calls:,} LLM calls, beside a busy process")

        write_suite(folder, tests, changed=True)
        for options in ALONE, WORKERS:
            report = session(folder, *options, status=1)
            if lines := wrong(report, tests):
                say(f"with six changes {options}", *lines)
                return 1
            changed = sum(bool(test.changes) for test in report.tests)
            say(f"with six changes in {changed:,} tests {options}: six causes, whose shares add up to them exactly")
        say(*(f"  {cause.sentence}" for cause in report.causes))

        write_suite(folder, tests, changed=False)
        for number in range(1, runs + 1):
            options, before = (ALONE, WORKERS)[number % 2], time.monotonic()
            if lines := told(session(folder, *options), every):
                say(f"run {number} of the unchanged suite told of something", *lines)
                return 1
            say(f"unchanged, run {number} of {runs} {options}: no change, no cause, {time.monotonic() - before:.1f} s")
    say(f"{time.monotonic() - started:.0f} s")
    return 0


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
