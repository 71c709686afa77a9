"""Whether virtual time tells the truth: agents of many shapes in real time, recorded, and replayed in virtual time.

    python benchmarks/shapes.py [NAME...]

Each runs against a server on loopback, once to warm up and ROUNDS times by the clock on the wall (median); then it is
recorded, and replayed in a bubble. Exits with 1 where modelled latency + own CPU are further than 2 % + 20 ms from the
wall. Needs a quiet machine: what others take of it is on the wall and not in the model.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from pytest_agentperf.clock.bubble import bubble, install
from pytest_agentperf.record.cassette import use_cassette
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed
from server.provider import FakeProvider
from shapes import SHAPES, Script, Shape

ROUNDS = 3
MS = 1_000_000
real_ns = time.perf_counter_ns


def in_real_time(shape: Shape, url: str) -> float:
    start = real_ns()
    shape.run(url)
    return (real_ns() - start) / MS


def replayed(shape: Shape, url: str, cassette: Path) -> tuple[float, float]:
    """Modelled and own milliseconds."""
    with use_cassette(str(cassette), record_mode="none", vcr_config={}), bubble() as measured:
        with Recorder(replay_waits=True) as recorder:
            start = time.process_time_ns()
            shape.run(url)
            own = time.process_time_ns() - start
    assert not recorder.bugs, recorder.bugs
    return measured.elapsed_ns / MS, own / MS


def compare(shape: Shape, folder: Path) -> bool:
    def on_a_server(run: Callable[[str], float]) -> float:
        with FakeProvider(Script().reply) as provider:
            return run(provider.url)

    on_a_server(lambda url: in_real_time(shape, url))
    wall = statistics.median(on_a_server(lambda url: in_real_time(shape, url)) for _ in range(ROUNDS))
    with FakeProvider(Script().reply) as provider:
        cassette = folder / shape.name.replace(" ", "-")
        with installed(), use_cassette(str(cassette), record_mode="all", vcr_config={}), Recorder():
            shape.run(provider.url)
        url = provider.url
    replays = [replayed(shape, url, cassette) for _ in range(1 + ROUNDS)][1:]
    modelled, own = (statistics.median(values) for values in zip(*replays, strict=True))
    off, allowed = modelled + own - wall, 0.02 * wall + 20
    verdict = "" if abs(off) <= allowed else "  OVER"
    print(f"{shape.name:42} {shape.ms:6g} {wall:8.1f} {modelled:9.1f} {own:6.1f} {off:+7.1f} {allowed:6.1f}{verdict}")
    return not verdict


def main() -> int:
    install()
    chosen = [shape for name, shape in SHAPES.items() if (name in sys.argv[1:] if sys.argv[1:] else not shape.long)]
    print(f"{'ms':42} {'truth':>6} {'wall':>8} {'modelled':>9} {'cpu':>6} {'off':>7} {'limit':>6}")
    with tempfile.TemporaryDirectory() as folder:
        held = [compare(shape, Path(folder)) for shape in chosen]
    print(f"{sum(held)} of {len(held)} shapes within 2 % + 20 ms")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
