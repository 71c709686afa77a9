"""What the probes cost: `open`, an audit event that nobody wants, a callback of a loop; off, installed and idle, on.

    python benchmarks/probes.py

Ratios within one run are what counts; each number is the best of many rounds, in microseconds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import timeit
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pytest_agentperf.record.probes.probing import probing
from pytest_agentperf.record.recorder import Recorder

ROUNDS = 30


def best(work: Callable[[], object], number: int) -> float:
    return min(timeit.repeat(work, number=number, repeat=ROUNDS)) / number * 1e6


def callbacks(count: int = 2_000) -> float:
    """Microseconds for one turn of a task through the loop."""

    async def turn() -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    return min(timeit.repeat(lambda: asyncio.run(turn()), number=1, repeat=ROUNDS)) / count * 1e6


def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.txt")
        path.write_text("text")

        def opened() -> None:
            with open(path) as file:
                file.fileno()

        return {
            "open": best(opened, 500),
            "an event that nobody wants": best(lambda: sys.audit("agentperf.benchmark"), 5_000),
            "a callback": callbacks(),
        }


def main() -> None:
    off = measure()
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder())
        stack.enter_context(probing(recorder, audits=True))
        on = measure()
    idle = measure()
    print(f"{'microseconds':28} {'off':>8} {'idle':>8} {'on':>8}")
    for name in off:
        print(f"{name:28} {off[name]:8.3f} {idle[name]:8.3f} {on[name]:8.3f}")


if __name__ == "__main__":
    main()
