"""Whether a recorded agent takes the same time in every run, and how little that costs.

    python benchmarks/exact.py [RUNS]

RUNS times (100) idle and RUNS times beside three busy processes, in sessions of pytest with hash seeds of their own, an
agent of 35 s: its latency must be 35,000 ms to the nanosecond, and one run, with profile and judgement, takes at most
WALL_MS (median of 20 warm ones, idle). Then as many random programs of `tests/clock/test_oracle.py` as the bar names,
likewise. Exits with 1 where something is off. Run it with each Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from pytest_agentperf.clock.bubble import bubble
from pytest_agentperf.model.exchange import Request
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.replay import Answer
from pytest_agentperf.record.seam import route
from pytest_agentperf.record.taps.live import installed
from shapes import MS, SHAPES, Nominal

ROOT = Path(__file__).resolve().parent.parent
WALL_MS = 60
PROGRAMS = 3_000
A_SESSION = 20
"""Runs in one process."""
AGENTS = (
    "mixed agent",
    "mixed agent that lost its gather",
    "three calls in a pool of three",
    "three calls in a pool of one",
)
URL = "http://127.0.0.1:9"
TESTS = """
import pytest
from shapes import SHAPES

@pytest.mark.vcr
@pytest.mark.parametrize("n", range({runs}))
@pytest.mark.default_cassette({name!r})
@pytest.mark.max_latency({ms})
def test_agent(n):
    SHAPES[{name!r}].run({url!r})
"""
DURATIONS = """
def pytest_runtest_logreport(report):
    if report.when == "call":
        with open("durations", "a") as file:
            print(report.duration, file=file)
"""
BUSY = "while True: sum(range(100_000))"


class Kept(Nominal):
    """A player that remembers what it played."""

    def __init__(self) -> None:
        super().__init__()
        self.played: list[tuple[Request, Answer]] = []

    def answer(self, pending: Pending) -> Answer:
        answer = super().answer(pending)
        self.played.append((pending.request, answer))
        return answer


def write_cassette(name: str, folder: Path) -> None:
    """What a recording without any noise would have stored."""
    route.player = player = Kept()
    with installed(), bubble(), Recorder(replay_waits=True):
        SHAPES[name].run(URL)
    route.player = None
    interactions = []
    for request, answer in player.played:
        offsets = [at / MS for at, _ in answer.pieces]
        pauses = [now - before for before, now in zip([0.0, *offsets], offsets, strict=False)]
        timing = {
            "version": 1,
            "headers": answer.headers_ns / MS,
            "chunks": " ".join(f"{pause}+{len(data)}" for pause, (_, data) in zip(pauses, answer.pieces, strict=True)),
            "end": (answer.end_ns or 0) / MS,
            "ending": "complete",
        }
        response = {
            "status": {"code": answer.status, "message": ""},
            "headers": {key: [value] for key, value in answer.headers},
            "body": {"string": answer.body.decode()},
            "agentperf": timing,
        }
        asked = {"method": request.method, "uri": request.url, "headers": {}, "body": request.body.decode()}
        interactions.append({"request": asked, "response": response})
    path = folder / "cassettes" / "test_agents" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"version": 1, "interactions": interactions}), "utf-8")


def session(name: str, runs: int, folder: Path) -> tuple[list[int], list[float]]:
    """Latencies (ns) and wall times (ms) of the calls of one pytest session."""
    (folder / "test_agents.py").write_text(TESTS.format(runs=runs, name=name, ms=int(SHAPES[name].ms), url=URL))
    (folder / "conftest.py").write_text(DURATIONS)
    (folder / "durations").unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    environment["PYTHONHASHSEED"] = str(random.randrange(2**32))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:randomly",
            "-p",
            "no:recording",
            "-p",
            "no:asyncio",
            "--rootdir=.",
            "--agentperf-json=run.json",
        ],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    tests = json.loads((folder / "run.json").read_text("utf-8"))["tests"]
    durations = (folder / "durations").read_text().split()
    return [test["profile"]["latency_ns"] for test in tests], [float(seconds) * 1000 for seconds in durations]


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def agents(runs: int, processes: int) -> bool:
    held = True
    beside = f"beside {processes} busy processes" if processes else "idle"
    for name in AGENTS:
        with tempfile.TemporaryDirectory() as folder, load(processes):
            write_cassette(name, Path(folder))
            results = [session(name, A_SESSION + 1, Path(folder)) for _ in range(max(1, runs // A_SESSION))]
        latencies = [latency for found, _ in results for latency in found]
        walls = [wall for _, durations in results for wall in durations[1:]]
        spread, right = max(latencies) - min(latencies), {SHAPES[name].ms * MS} == set(latencies)
        wall = statistics.median(walls)
        slow = not processes and wall > WALL_MS
        held &= right and not slow
        print(
            f"{name:34} {beside:26} {len(latencies)} runs: {latencies[0] / MS:g} ms, spread {spread} ns, "
            f"wall {wall:.1f} ms (bar {WALL_MS})" + ("" if right and not slow else "  OVER")
        )
    return held


def programs(count: int, processes: int) -> bool:
    with load(processes):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "tests/clock/test_oracle.py"],
            cwd=ROOT,
            env={**os.environ, "AGENTPERF_PROGRAMS": str(count), "PYTHONPATH": str(ROOT)},
            check=False,
            capture_output=True,
            text=True,
        )
    print(f"random programs against SimPy, beside {processes} busy processes: {done.stdout.strip().splitlines()[-1]}")
    return done.returncode == 0


def main() -> int:
    runs = int(sys.argv[1]) if sys.argv[1:] else 100
    print(f"Python {sys.version.split()[0]}")
    held = [
        check(count, load) for load in (0, 3) for check, count in ((agents, runs), (programs, runs * PROGRAMS // 200))
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
