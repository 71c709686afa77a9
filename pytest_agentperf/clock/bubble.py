"""Virtual time for the code inside of a `with bubble():`."""

from __future__ import annotations

import _queue
import _thread
import contextlib
import functools
import os
import random
import selectors
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pytest_agentperf.clock import (
    describe,
    kernel,
    locks,
    loops,
    patching,
    real,
    stated,
    threads,
    times,
    traffic,
    trio_loops,
)
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.parts import MUTEX, ClockError, Deadlock, RunawayClock
from pytest_agentperf.clock.watcher import Watcher

__all__ = ["Bubble", "ClockError", "Deadlock", "RunawayClock", "bubble", "install", "real_io", "uninstall"]

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    **times.STAND_INS,
    **real.FUNCTIONS,
    _thread.allocate_lock: locks.allocate_lock,
    **({threading.Lock: locks.Lock} if sys.version_info >= (3, 13) else {}),
    _thread.RLock: locks.RLock,
    _queue.SimpleQueue: locks.SimpleQueue,
}
ATTRIBUTES: list[patching.Attribute] = [
    (_thread, "start_new_thread", threads.start_new_thread),
    (threading.Thread, "start", threads.start),
    (threading.Thread, "_bootstrap", threads.bootstrap),
    (threading.Thread, "join", threads.join),
    (loops.SelectorLoop, "_write_to_self", loops.write_to_self),
    *(
        (getattr(selectors, name), "select", loops.select_of(getattr(selectors, name).select))
        for name in ("SelectSelector", "PollSelector", "DevpollSelector", "EpollSelector", "KqueueSelector")
        if hasattr(selectors, name)
    ),
    (ThreadPoolExecutor, "submit", stated.submit),
    *traffic.ATTRIBUTES,
    *real.METHODS,
]

_before: list[patching.Attribute] = []
_trio_before: list[patching.Attribute] = []
_watcher: Watcher | None = None


def install() -> None:
    """Put the patches in. Outside of a bubble each of them does what the original does.

    The earlier the better: locks, queues and default arguments made before it keep the originals, and a member that is
    blocked in one of these does so in real time, with a note.
    """
    if not _before:
        patching.replace_everywhere(FUNCTIONS)
        _before.extend(patching.set_attributes(ATTRIBUTES))
    if not _trio_before:
        _trio_before.extend(patching.set_attributes(trio_loops.attributes()))
    _watch(now=False)


def uninstall() -> None:
    """Take all patches out of all loaded modules. Locks and queues that were made meanwhile go on to work."""
    if kernel.active is not None:
        raise RuntimeError("uninstall() inside of a bubble")
    _stop_watcher()
    if _before:
        patching.replace_everywhere({stand_in: original for original, stand_in in FUNCTIONS.items()})
        patching.restore_attributes(_trio_before + _before)
        _trio_before.clear()
        _before.clear()


def _watch(*, now: bool) -> None:
    """See that there is a watcher; it ends when the process forks."""
    global _watcher
    with MUTEX:
        if _watcher is None:
            _watcher = Watcher()
        elif now or _watcher.parked:
            _watcher.hurry()


class Bubble:
    """What a bubble measures. Valid inside, and after its end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def elapsed_ns(self) -> int:
        """The modelled latency: virtual waits + recognised real waits."""
        return self._clock.now_ns()

    @property
    def real_wait_ns(self) -> int:
        """The real waits in `elapsed_ns`; each of 5 ms at least."""
        return self._clock.real_wait_ns

    @property
    def unmodelled(self) -> tuple[str, ...]:
        """What took real time, with file and line. While it is empty, `elapsed_ns` is the same in every run."""
        return tuple(self._clock.unmodelled)


@contextlib.contextmanager
def bubble(*, seed: int = 0, max_virtual_s: float = 3600, epoch: float | None = None) -> Iterator[Bubble]:
    """The code inside, each thread that it starts and each thread or loop that it wakes live on virtual time.

    `epoch` (s) is what the wall clock shows at the start, the present by default; with time-machine installed the clocks
    that `datetime` and `time.gmtime` read follow it. `random` is seeded, and restored at the
    end. Raises `Deadlock` and `RunawayClock`; also at the end, where the code inside swallowed them.
    """
    if kernel.active is not None:
        raise RuntimeError("a bubble is open already; there can be one in a process")
    install()
    clock = Clock(
        max_ns=round(max_virtual_s * 1e9),
        epoch_ns=times.real_time_ns() if epoch is None else round(epoch * 1e9),
        on_flow=_watch,
        where=describe.places,
    )
    clock.enter(clock.expect())
    random_state = random.getstate()
    random.seed(seed)
    dates = times.dated(clock) if epoch is not None else contextlib.nullcontext()
    with loops.swapped_uvloop(), trio_loops.seeded(seed), dates, times.told_of_collections(clock):
        try:
            kernel.active = clock
            _watch(now=False)
            yield Bubble(clock)
        finally:
            kernel.active = None
            clock.close()
            loops.leave()
            random.setstate(random_state)
    if clock.failure is not None:
        raise clock.failure


@contextlib.contextmanager
def real_io() -> Iterator[None]:
    """The calling thread waits for something real that cannot be recognised: it counts at its real duration.

    Does nothing outside of a bubble.
    """
    clock = kernel.current()
    with clock.real_section() if clock is not None else contextlib.nullcontext():
        yield


def _stop_watcher() -> None:
    """Also before a fork: Python 3.12 warns of it in a process with threads."""
    global _watcher
    with MUTEX:
        watcher, _watcher = _watcher, None  # other threads may fork too
    if watcher is not None:
        watcher.stop()


def _watched(fork: Callable[[], int]) -> Callable[[], int]:
    """The original warns of the threads that it finds, so a watcher can be there again only behind it."""

    @functools.wraps(fork)
    def call() -> int:
        child = fork()
        if child and kernel.active is not None:
            _watch(now=False)
        return child

    return call


def _after_fork_in_child() -> None:
    """The child lives in real time; of the parent's threads only the forking one is there."""
    MUTEX._at_fork_reinit()  # type: ignore[attr-defined]
    kernel.active = None
    loops.forget()


if hasattr(os, "fork"):
    FUNCTIONS[os.fork] = _watched(os.fork)
    os.register_at_fork(before=_stop_watcher, after_in_child=_after_fork_in_child)
