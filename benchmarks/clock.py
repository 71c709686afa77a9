"""What virtual time costs: python benchmarks/clock.py

Prints medians of several rounds, on the wall and of the processor, beside the bar for the wall, and fails if one is over it.
On a machine that others use only the processor's tell something. `time` is bound late on purpose: the patched functions are
what is measured.
"""

from __future__ import annotations

import asyncio
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pytest_agentperf.clock.bubble import bubble, install

real_ns = time.perf_counter_ns
N = 2_000


Took = tuple[float, float]
"""µs on the wall, and of the processor."""


def in_a_bubble(run: Callable[[], object], *, n: int = N) -> Callable[[], Took]:
    """For each of the n waits of `run`."""

    def measure() -> Took:
        start, start_cpu = real_ns(), time.process_time_ns()
        with bubble():
            run()
        return (real_ns() - start) / n / 1e3, (time.process_time_ns() - start_cpu) / n / 1e3

    return measure


def sleeps() -> None:
    for _ in range(N):
        time.sleep(0.001)


async def async_sleeps() -> None:
    for _ in range(N):
        await asyncio.sleep(0.001)


async def calls_to_thread() -> None:
    for _ in range(N):
        await asyncio.to_thread(time.sleep, 0.001)


def two_threads() -> None:
    thread = threading.Thread(target=sleeps)
    thread.start()
    thread.join()


def ping_pong() -> None:
    there: queue.Queue[int] = queue.Queue()
    back: queue.Queue[int] = queue.Queue()

    def answer() -> None:
        for _ in range(N // 2):
            back.put(there.get())

    thread = threading.Thread(target=answer)
    thread.start()
    for n in range(N // 2):
        there.put(n)
        back.get()
    thread.join()


def pool() -> None:
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(time.sleep, [0.001] * N))


def locks() -> None:
    lock = threading.Lock()
    for _ in range(N):
        with lock:
            pass


def installing() -> Took:
    """In an interpreter of its own that has loaded what a test session has."""
    code = """if True:
        import asyncio, concurrent.futures, http.server, pytest, ssl, time, unittest, xmlrpc.server
        from pytest_agentperf.clock import bubble
        start, start_cpu = time.perf_counter_ns(), time.process_time_ns()
        bubble.install()
        print((time.perf_counter_ns() - start) / 1e3, (time.process_time_ns() - start_cpu) / 1e3)
    """
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    wall, cpu = map(float, out.split())
    return wall, cpu


CASES: list[tuple[str, Callable[[], Took], float | None]] = [
    ("asyncio.sleep", in_a_bubble(lambda: asyncio.run(async_sleeps())), 30),
    ("time.sleep", in_a_bubble(sleeps), 10),
    ("an empty bubble", in_a_bubble(lambda: None, n=1), 50),
    ("install()", installing, 10_000),
    ("time.sleep in a thread, joined", in_a_bubble(two_threads), None),
    ("to_thread(time.sleep)", in_a_bubble(lambda: asyncio.run(calls_to_thread())), None),
    ("hand-over between two threads", in_a_bubble(ping_pong), None),
    ("time.sleep in a pool of 8", in_a_bubble(pool), None),
    ("with lock", in_a_bubble(locks), None),
]


def main() -> int:
    install()
    over = 0
    for name, measure, bar in CASES:
        measure()
        wall, cpu = (statistics.median(took) for took in zip(*(measure() for _ in range(9)), strict=True))
        over += bar is not None and wall > bar
        print(f"{name:32} {wall:9.2f} µs, cpu {cpu:9.2f}" + (f"   (bar {bar:g})" if bar is not None else ""))
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
