"""What probes see of a program: in virtual time to the nanosecond, in real time near enough."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from pytest_agentperf.clock.bubble import bubble
from pytest_agentperf.model.profile import ClockKind
from pytest_agentperf.model.signal import Signals
from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.record.probes.probing import probing
from pytest_agentperf.record.recorder import Recorder
from record.tools.asking import asked
from samples import MS


@contextmanager
def virtual() -> Iterator[list[Signals]]:
    seen: list[Signals] = []
    with bubble(), Recorder() as recorder, probing(recorder):
        yield seen
        signals = recorder.recording().signals
        assert signals
        seen.append(signals)


def stretches(seen: list[Signals], kind: str) -> list[tuple[int, int]]:
    return [(item.start_ns // MS, item.end_ns // MS) for item in getattr(seen[0], kind)]


def fetch() -> None:
    time.sleep(0.3)  # the line that is told


def test_a_sleep_in_a_running_loop() -> None:
    async def agent() -> None:
        await asyncio.sleep(0.1)
        fetch()
        await asyncio.sleep(0.1)

    with virtual() as seen:
        asyncio.run(agent())

    (block,) = seen[0].blocks
    assert (block.start_ns, block.end_ns) == (100 * MS, 400 * MS)
    line = fetch.__code__.co_firstlineno + 1
    assert block.where.endswith(f"test_probes.py:{line}")


def test_many_short_waits_of_one_line_are_one_block() -> None:
    def fetch_all() -> None:
        for _ in range(4):
            fetch()
        time.sleep(0.5)  # longer than any of them, not than all

    async def agent() -> None:
        fetch_all()

    with virtual() as seen:
        asyncio.run(agent())

    (block,) = seen[0].blocks
    assert (block.start_ns, block.end_ns) == (0, 1_700 * MS)
    assert block.where.endswith(f"test_probes.py:{fetch.__code__.co_firstlineno + 1}")


def test_a_blocked_task_is_known() -> None:
    async def blocks(s: float) -> None:
        time.sleep(s)

    async def agent() -> None:
        await asyncio.gather(blocks(0.1), blocks(0.2), asyncio.sleep(0.15))

    with virtual() as seen:
        asyncio.run(agent())

    assert stretches(seen, "blocks") == [(0, 100), (100, 300)]
    assert len({block.task for block in seen[0].blocks} - {None}) == 2


def test_a_child_process_in_a_running_loop() -> None:
    """Its real duration, whatever the clock."""

    async def agent() -> None:
        subprocess.run(["sleep", "0.1"], check=True)

    with virtual() as seen:
        asyncio.run(agent())

    (block,) = seen[0].blocks
    assert block.end_ns - block.start_ns >= 90 * MS
    assert "test_probes.py:" in block.where
    assert block.doing.startswith("subprocess.")


def test_what_awaits_does_not_block() -> None:
    async def agent() -> None:
        await asyncio.gather(*(asyncio.sleep(0.3) for _ in range(3)), asyncio.to_thread(time.sleep, 0.3))

    with virtual() as seen:
        asyncio.run(agent())
        time.sleep(0.2)

    assert seen[0].blocks == ()
    assert seen[0].lock_waits == ()


@pytest.mark.parametrize("lock", [asyncio.Lock, lambda: asyncio.Semaphore(1)])
def test_waits_for_a_lock_of_asyncio(lock) -> None:
    async def agent() -> None:
        held = lock()

        async def tool() -> None:
            async with held:
                await asyncio.sleep(0.1)

        await asyncio.gather(tool(), tool(), tool())

    with virtual() as seen:
        asyncio.run(agent())

    assert stretches(seen, "lock_waits") == [(0, 100), (0, 200)]


@pytest.mark.parametrize("lock", ["Lock", "RLock", "Semaphore"])
def test_waits_for_a_lock_of_threads(lock) -> None:
    def tool(_: int) -> None:
        with held:
            time.sleep(0.1)

    with virtual() as seen:
        held = getattr(threading, lock)()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(tool, range(3)))

    assert stretches(seen, "lock_waits") == [(0, 100), (0, 200)]


def test_a_wait_in_a_thread_says_for_which_tool_call() -> None:
    async def tool(recorder: Recorder, number: int) -> None:
        with recorder.span(SpanKind.TIMER, "around"), recorder.tool("search", {}, f"c{number}"):
            await asyncio.to_thread(work)

    def work() -> None:
        with held:
            time.sleep(0.1)

    async def agent(recorder: Recorder) -> None:
        await asyncio.gather(*(tool(recorder, number) for number in range(3)))

    with bubble(), Recorder(clock=ClockKind.VIRTUAL, sees_tools=True) as recorder, probing(recorder):
        held = threading.Lock()
        asked(recorder, *((f"c{number}", "search", "{}") for number in range(3)))
        asyncio.run(agent(recorder))
        waits = recorder.recording().signals.lock_waits

    assert sorted((wait.call, wait.call_id) for wait in waits) == [(0, "c1"), (0, "c2")]


def test_real_time() -> None:
    """A block of 0.2 s, looked at each 0.02 s."""

    async def agent() -> None:
        await asyncio.sleep(0)
        time.sleep(0.2)

    with Recorder() as recorder, probing(recorder):
        asyncio.run(agent())
        signals = recorder.recording().signals

    assert signals
    (block,) = (block for block in signals.blocks if block.end_ns - block.start_ns >= 200 * MS)
    assert "test_probes.py:" in block.where
    assert not any(thread.name == "agentperf-watch" for thread in threading.enumerate())


def test_nothing_stays() -> None:
    before = asyncio.Handle._run, asyncio.Lock.acquire, threading.Semaphore.acquire
    with Recorder() as recorder, probing(recorder):
        assert asyncio.Handle._run is not before[0]
    assert (asyncio.Handle._run, asyncio.Lock.acquire, threading.Semaphore.acquire) == before
