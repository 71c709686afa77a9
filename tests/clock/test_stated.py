"""Work whose time is stated: what it really takes does not count."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_agentperf.clock.bubble import bubble, real_io
from pytest_agentperf.clock.stated import Stated

MS = 1_000_000
CHILD = [sys.executable, "-c", "import time; time.sleep(0.03)"]


@pytest.fixture
def told():
    return []


@pytest.fixture
def stated(told):
    return lambda ms: Stated(round(ms * MS), "tool", told.append)


def really_wait():
    with real_io():
        time.sleep(0.02)


def blocked():
    """In C code that nobody knows."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.2)"], stdout=subprocess.PIPE) as child:
        os.read(child.stdout.fileno(), 1)


def compute():
    sum(range(100_000))


@pytest.mark.parametrize(
    "work", [compute, really_wait, blocked, lambda: subprocess.run(CHILD, check=True), lambda: time.sleep(0.1)]
)
def test_it_takes_what_is_stated(stated, told, work):
    with bubble() as measured:
        with stated(120):
            work()
        time.sleep(1)
    assert (measured.elapsed_ns, measured.real_wait_ns, measured.unmodelled, told) == (1_120 * MS, 0, (), [])


def test_async(stated, told):
    async def tool(ms):
        async with stated(ms):
            child = await asyncio.create_subprocess_exec(*CHILD)
            await child.wait()

    async def main():
        await asyncio.gather(tool(120), tool(200), asyncio.sleep(0.15))
        await asyncio.sleep(1)

    with bubble() as measured:
        asyncio.run(main())
    assert (measured.elapsed_ns, measured.unmodelled, told) == (1_200 * MS, (), [])


@pytest.mark.parametrize("hand_over", ["to_thread", "run_in_executor"])
@pytest.mark.parametrize("work", [really_wait, blocked])
def test_work_that_is_handed_to_threads(stated, hand_over, work):
    async def main():
        async with stated(120):
            if hand_over == "to_thread":
                await asyncio.to_thread(work)
            else:
                await asyncio.get_running_loop().run_in_executor(None, work)
        await asyncio.to_thread(time.sleep, 1)

    with bubble() as measured:
        asyncio.run(main())
    assert (measured.elapsed_ns, measured.unmodelled) == (1_120 * MS, ())


def test_under_trio(stated):
    trio = pytest.importorskip("trio")

    async def tool(ms):
        async with stated(ms):
            await trio.to_thread.run_sync(really_wait)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tool, 120)
            nursery.start_soon(tool, 80)

    with bubble() as measured:
        trio.run(main)
    assert (measured.elapsed_ns, measured.unmodelled) == (120 * MS, ())


def test_in_threads_side_by_side(stated):
    def tool(ms):
        with stated(ms):
            really_wait()

    with bubble() as measured, ThreadPoolExecutor(3) as pool:
        list(pool.map(tool, [120, 300, 200]))
    assert (measured.elapsed_ns, measured.unmodelled) == (300 * MS, ())


def test_another_threads_real_wait_counts(stated):
    def other():
        with real_io():
            time.sleep(0.2)

    with bubble() as measured:
        thread = threading.Thread(target=other)
        thread.start()
        with stated(10):
            really_wait()
        thread.join()
    assert measured.real_wait_ns >= 100 * MS
    [told] = measured.unmodelled
    assert told.endswith("in other")


def test_nested(stated, told):
    with bubble() as measured:
        with stated(500):
            really_wait()
            for _ in range(2):
                with stated(120):
                    really_wait()
    assert (measured.elapsed_ns, told) == (500 * MS, [])


def test_what_waits_inside_in_virtual_time_still_counts_and_is_told(stated, told):
    with bubble() as measured, stated(120):
        time.sleep(0.5)
    assert measured.elapsed_ns == 500 * MS
    assert told == ["tool: what waits inside in virtual time (a sleep, an LLM call) took 380 ms more"]


def test_a_failure_takes_its_time_and_a_cancellation_does_not(stated):
    async def main():
        with pytest.raises(KeyError):
            async with stated(120):
                raise KeyError
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), stated(5_000):
                await asyncio.sleep(60)

    with bubble() as measured:
        asyncio.run(main())
    assert measured.elapsed_ns == 130 * MS


def test_a_plain_with_in_a_coroutine(stated):
    """It may block the loop, as the real work did; around an await it would do so where the real work did not."""

    async def blocks():
        with stated(120):
            really_wait()

    async def awaits():
        with stated(120):
            await asyncio.sleep(0.01)

    async def main():
        await asyncio.gather(blocks(), blocks())

    with bubble() as measured:
        asyncio.run(main())
    assert measured.elapsed_ns == 240 * MS
    with bubble(), pytest.raises(RuntimeError, match="tool: around an await it must be `async with`"):
        asyncio.run(awaits())


def test_outside_of_a_bubble_it_does_nothing(stated):
    before = time.monotonic()
    with stated(60_000):
        pass

    async def main():
        async with stated(60_000):
            await asyncio.to_thread(compute)

    asyncio.run(main())
    assert time.monotonic() < before + 50


def test_the_same_number_every_time(stated):
    async def tool(ms):
        async with stated(ms):
            await asyncio.to_thread(really_wait)

    async def main():
        await asyncio.gather(*(tool(ms) for ms in (10, 30, 20)))

    def measure():
        with bubble() as measured:
            asyncio.run(main())
        return measured.elapsed_ns

    assert {measure() for _ in range(10)} == {30 * MS}
