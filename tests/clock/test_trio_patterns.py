"""trio and anyio on trio: what each program would take on an ideal machine."""

import threading
import time

import pytest

from pytest_agentperf.clock.bubble import bubble

anyio = pytest.importorskip("anyio")
trio = pytest.importorskip("trio")


async def side_by_side():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 1)
        nursery.start_soon(trio.sleep, 2)


async def time_out():
    with trio.move_on_after(1) as scope:
        await trio.sleep(9)
    assert scope.cancelled_caught


async def threads():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, time.sleep, 3)
        nursery.start_soon(trio.to_thread.run_sync, time.sleep, 2)
        nursery.start_soon(trio.sleep, 1)


async def thread_that_calls_back():
    def work():
        time.sleep(1)
        trio.from_thread.run(trio.sleep, 2)

    await trio.to_thread.run_sync(work)


async def limiter():
    slots = trio.CapacityLimiter(2)

    async def call(seconds):
        async with slots:
            await trio.sleep(seconds)

    async with trio.open_nursery() as nursery:
        for seconds in (3, 1, 1, 1):
            nursery.start_soon(call, seconds)
            await trio.sleep(0)


async def anyio_task_group():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 2)
        group.start_soon(anyio.to_thread.run_sync, time.sleep, 3)


async def loopback():
    async def echo(stream):
        await stream.send_all(await stream.receive_some())

    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, echo, [listener])
        client = await trio.testing.open_stream_to_socket_listener(listener)
        await client.send_all(b"x")
        assert await client.receive_some() == b"x"
        await client.aclose()
        await trio.sleep(5)
        nursery.cancel_scope.cancel()


PATTERNS = {
    side_by_side: 2,
    time_out: 1,
    threads: 3,
    thread_that_calls_back: 3,
    limiter: 3,
    anyio_task_group: 3,
}


def test_loopback():
    with bubble() as measured:
        trio.run(loopback)
    assert measured.elapsed_ns - measured.real_wait_ns == 5e9


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda function: function.__name__)
def test_pattern_takes_exactly_what_it_would(pattern):
    for _ in range(10):
        with bubble() as measured:
            trio.run(pattern)
        assert (measured.elapsed_ns, measured.real_wait_ns, measured.unmodelled) == (PATTERNS[pattern] * 1e9, 0, ())


def test_anyio_on_asyncio():
    async def main():
        with anyio.move_on_after(4):
            await anyio_task_group()
            await anyio.sleep(9)

    with bubble() as measured:
        anyio.run(main)
    assert measured.elapsed_ns == 4e9


def test_portal_from_a_plain_thread():
    with bubble() as measured, anyio.from_thread.start_blocking_portal("trio") as portal:
        portal.call(anyio.sleep, 2)
        thread = threading.Thread(target=portal.call, args=(anyio.sleep, 1))
        thread.start()
        thread.join()
    assert measured.elapsed_ns == 3e9
