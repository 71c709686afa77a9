"""Without what Linux offers: the same semantics, by coarser means."""

import asyncio
import builtins
import os
import select
import selectors
import threading
import time

import pytest

from pytest_agentperf.clock import watcher
from pytest_agentperf.clock.bubble import bubble


@pytest.fixture
def _no_proc(monkeypatch):
    """macOS, Windows: the operating system does not tell about single threads."""
    original = builtins.open

    def refuse_proc(path, *args, **kwargs):
        if str(path).startswith("/proc/"):
            raise FileNotFoundError(path)
        return original(path, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", refuse_proc)


@pytest.mark.usefixtures("_no_proc")
def test_blocked_thread_is_told_by_the_processor_time_of_the_process():
    reader, writer = os.pipe()
    timer = threading.Timer(5, os.write, (writer, b"x"))  # long enough to be seen on a machine that has much to do
    timer.start()  # outside: in real time
    with bubble() as measured:
        thread = threading.Thread(target=time.sleep, args=(0.2,))
        thread.start()
        os.read(reader, 1)
        thread.join()
    timer.join()
    os.close(reader)
    os.close(writer)
    assert measured.real_wait_ns > 0
    assert "was blocked in" in measured.unmodelled[0]


@pytest.mark.usefixtures("_no_proc")
def test_computing_is_not_taken_for_blocking():
    with bubble() as measured:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            sum(range(1000))
    assert (measured.elapsed_ns, measured.unmodelled) == (0, ())


@pytest.mark.parametrize("name", ["SelectSelector", "PollSelector", "EpollSelector", "KqueueSelector"])
def test_every_selector(name):

    if not hasattr(selectors, name):
        pytest.skip(f"{name} is not there")

    async def main():
        await asyncio.gather(asyncio.sleep(1), asyncio.to_thread(time.sleep, 2))

    def loop():
        return asyncio.SelectorEventLoop(getattr(selectors, name)())

    with bubble() as measured, asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
    assert measured.elapsed_ns == 2e9


class ForeignSelector(selectors.DefaultSelector):
    """Asks the operating system past every selector of Python, as Windows' proactor and gevent's loop do."""

    longest_s = 60.0

    def select(self, timeout=None):
        if timeout is None or timeout > 0:
            # A select without descriptors but the pipe that nobody writes to: it blocks in C code for the time-out.
            return blocked_in_c(super().select, timeout)
        return super().select(timeout)


def blocked_in_c(look, timeout):
    reader, writer = os.pipe()
    try:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        poll.poll(None if timeout is None else min(timeout, ForeignSelector.longest_s) * 1000)
        return look(0)
    finally:
        os.close(reader)
        os.close(writer)


has_poll = pytest.mark.skipif(not hasattr(select, "poll"), reason="select.poll is not there")


@has_poll
@pytest.mark.skipif(
    not os.path.exists("/proc/self/schedstat"), reason="the system does not tell how long a thread slept"
)
def test_waits_too_short_to_be_seen_one_by_one_are_seen_together(monkeypatch):
    monkeypatch.setattr(ForeignSelector, "longest_s", 0.01)
    monkeypatch.setattr(watcher, "POLLS_NS", 300_000_000)

    async def nap():
        await asyncio.sleep(0.4)

    with (
        bubble() as measured,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(ForeignSelector())) as runner,
    ):
        runner.run(nap())
    assert measured.elapsed_ns == pytest.approx(0.4e9, abs=0.1e9)
    [told, *_] = measured.unmodelled
    assert "was blocked again and again in" in told
    assert os.path.relpath(__file__) in told


@has_poll
def test_loop_that_waits_past_the_selectors_runs_in_real_time_and_is_named():
    async def nap():
        await asyncio.sleep(0.4)

    start = time.monotonic_ns()
    with (
        bubble() as measured,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(ForeignSelector())) as runner,
    ):
        runner.run(nap())
    assert 0.2e9 < measured.elapsed_ns <= time.monotonic_ns() - start
    [told, *_] = measured.unmodelled
    assert "was blocked in" in told
    assert os.path.relpath(__file__) in told
