"""asyncio programs: what each would take on an ideal machine, to the nanosecond."""

import asyncio
import random
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_agentperf.clock.bubble import bubble


async def sequence():
    await asyncio.sleep(1)
    await asyncio.sleep(2.5)
    await asyncio.sleep(0)


async def gather():
    await asyncio.gather(asyncio.sleep(1), asyncio.sleep(2), asyncio.sleep(0.5))


async def task_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(1))
        group.create_task(asyncio.sleep(2))


async def time_out():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.sleep(9)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.sleep(9), timeout=2)


async def retry_with_back_off():
    for attempt, latency in enumerate((9, 9, 1)):
        try:
            await asyncio.wait_for(asyncio.sleep(latency), timeout=5)
        except TimeoutError:
            await asyncio.sleep(2**attempt)


async def first_completed():
    tasks = {asyncio.create_task(asyncio.sleep(seconds)) for seconds in (0.5, 2)}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(pending)) == (1, 1)
    pending.pop().cancel()


async def as_completed():
    start = time.perf_counter()
    arrivals = []
    for next_one in asyncio.as_completed([asyncio.sleep(seconds) for seconds in (2, 0.5, 1)]):
        await next_one
        arrivals.append(time.perf_counter() - start)
    assert arrivals == [0.5, 1, 2]


async def semaphore():
    slots = asyncio.Semaphore(2)

    async def call(seconds):
        async with slots:
            await asyncio.sleep(seconds)

    await asyncio.gather(call(3), call(1), call(1), call(1))


async def queue_with_workers():
    todo = asyncio.Queue()

    async def work():
        while True:
            await asyncio.sleep(await todo.get())
            todo.task_done()

    workers = [asyncio.create_task(work()) for _ in range(2)]
    for seconds in (3, 1, 1, 1):
        todo.put_nowait(seconds)
    await todo.join()
    for worker in workers:
        worker.cancel()


async def event_and_condition():
    event, condition = asyncio.Event(), asyncio.Condition()

    async def later():
        await asyncio.sleep(1)
        event.set()
        await asyncio.sleep(1)
        async with condition:
            condition.notify_all()

    task = asyncio.create_task(later())
    await event.wait()
    async with condition:
        await condition.wait()
    await task


async def blocking_sleep_in_the_loop():
    async def tool():
        time.sleep(3)

    await asyncio.gather(tool(), tool(), tool())


async def to_thread():
    await asyncio.gather(asyncio.to_thread(time.sleep, 2), asyncio.sleep(1), asyncio.to_thread(time.sleep, 0.5))


async def executor_of_one():
    with ThreadPoolExecutor(1) as pool:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, time.sleep, 2) for _ in range(3)))


async def thread_wakes_loop():
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    threading.Thread(target=lambda: (time.sleep(2), loop.call_soon_threadsafe(done.set))).start()
    await done.wait()


async def loop_in_another_thread():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    futures = [asyncio.run_coroutine_threadsafe(asyncio.sleep(seconds), loop) for seconds in (1, 2)]
    await asyncio.gather(*map(asyncio.wrap_future, futures))
    loop.call_soon_threadsafe(loop.stop)
    await asyncio.to_thread(thread.join)
    loop.close()


async def loop_in_a_loop():
    await asyncio.to_thread(asyncio.run, gather())
    await asyncio.sleep(1)


async def stream_of_chunks():
    async def chunks():
        for _ in range(20):
            await asyncio.sleep(0.1)
            yield b"x"

    async for _ in chunks():
        pass


async def background_heartbeat():
    async def beat():
        while True:
            await asyncio.sleep(0.3)

    task = asyncio.create_task(beat())
    await asyncio.sleep(2)
    task.cancel()


async def hedged_request():
    slow = asyncio.create_task(asyncio.sleep(2, "slow"))
    try:
        result = await asyncio.wait_for(asyncio.shield(slow), timeout=0.25)
    except TimeoutError:
        fast = asyncio.create_task(asyncio.sleep(0.25, "fast"))
        done, _ = await asyncio.wait([slow, fast], return_when=asyncio.FIRST_COMPLETED)
        result = done.pop().result()
    assert result == "fast"
    slow.cancel()


async def timer_handles():
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    start = loop.time()
    loop.call_later(2, done.set)
    loop.call_at(start + 1, int).cancel()
    await done.wait()
    assert loop.time() - start == 2


async def polling():
    done = []
    task = asyncio.create_task(asyncio.sleep(2.05))
    task.add_done_callback(done.append)
    while not done:
        await asyncio.sleep(0.1)


async def jitter():
    for _ in range(3):
        await asyncio.sleep(round(random.random(), 6))


PATTERNS = {
    sequence: 3.5,
    gather: 2,
    task_group: 2,
    time_out: 3,
    retry_with_back_off: 5 + 1 + 5 + 2 + 1,
    first_completed: 0.5,
    as_completed: 2,
    semaphore: 3,
    queue_with_workers: 3,
    event_and_condition: 2,
    blocking_sleep_in_the_loop: 9,
    to_thread: 2,
    executor_of_one: 6,
    thread_wakes_loop: 2,
    loop_in_another_thread: 2,
    loop_in_a_loop: 3,
    stream_of_chunks: 2,
    background_heartbeat: 2,
    hedged_request: 0.5,
    timer_handles: 2,
    polling: 2.1,
    jitter: 0.844422 + 0.757954 + 0.420572,
}


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda function: function.__name__)
def test_pattern_takes_exactly_what_it_would(pattern):
    for _ in range(10):
        with bubble() as measured:
            asyncio.run(pattern())
        assert (measured.elapsed_ns, measured.real_wait_ns, measured.unmodelled) == (
            round(PATTERNS[pattern] * 1e9),
            0,
            (),
        )


def test_inside_of_a_coroutine():
    async def main():
        with bubble() as measured:
            await gather()
        return measured.elapsed_ns

    assert asyncio.run(main()) == 2e9


def test_runner_keeps_its_loop():
    with asyncio.Runner() as runner:
        for _ in range(3):
            with bubble() as measured:
                runner.run(gather())
            assert measured.elapsed_ns == 2e9


def test_isolated_asyncio_test_case():
    class Case(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            await asyncio.sleep(1)

        async def test(self):
            await gather()

    with bubble() as measured:
        result = Case("test").run()
    assert result.wasSuccessful()
    assert measured.elapsed_ns == 3e9


def test_loop_that_runs_outside_is_adopted():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with bubble() as measured:
        assert asyncio.run_coroutine_threadsafe(asyncio.sleep(3, "done"), loop).result() == "done"
    again = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "real again"), loop)
    assert again.result() == "real again"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert measured.elapsed_ns == 3e9


def test_timers_of_a_loop_that_outlives_the_bubble_go_back_to_real_time():
    async def arm():
        return asyncio.get_running_loop().call_later(3600, int)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        with bubble():
            time.sleep(1000)
            handle = runner.run(arm())
            assert 3599 < handle.when() - loop.time() <= 3600
        assert 3500 < handle.when() - loop.time() <= 3600
        handle.cancel()


def test_timers_of_a_running_loop_in_another_thread_go_back_to_real_time():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def arm():
        return loop.call_later(3600, int)

    async def left():
        return handle.when() - loop.time()

    with bubble():
        time.sleep(1000)
        handle = asyncio.run_coroutine_threadsafe(arm(), loop).result()
    seconds = asyncio.run_coroutine_threadsafe(left(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert 3500 < seconds <= 3600
