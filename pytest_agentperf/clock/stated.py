"""Real work that counts as a stated time: while it goes on the clock stands still, and then it jumps over what is left.

Whose work: the thread's or the task's that entered the stretch, its event loop's, that of threads it starts, and what it
hands to a `ThreadPoolExecutor` (`to_thread`, `run_in_executor`). Of other threads it is not known that they work for it:
they take real time, with a note.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.parts import MUTEX, get_ident, within_stated

_original_submit: Callable[..., Future[Any]] = ThreadPoolExecutor.submit


class Stated:
    """One stretch of such work, `ns` long, by `with` or `async with`. Entered outside of a bubble it does nothing.

    A plain `with` around an `await` raises RuntimeError at its end: there it could only stop the whole event loop. `what`
    is how its author wrote it; `tell` gets a sentence where virtual waits inside took longer than is stated.
    """

    __slots__ = ("_before", "_clock", "_due_ns", "_loop_went_on", "_member", "_ns", "_tell", "_what")

    def __init__(self, ns: int, what: str, tell: Callable[[str], None]) -> None:
        self._ns = ns
        self._what = what
        self._tell = tell
        self._clock: Clock | None = None
        self._loop_went_on = False

    def __enter__(self) -> None:
        self._clock = clock = kernel.current()
        if clock is None:
            return
        with MUTEX:
            self._member = clock.members[get_ident()]
            self._member.stated += 1
            self._due_ns = clock.now_ns() + self._ns
        self._before = within_stated.get()
        within_stated.set(True)
        if (loop := asyncio._get_running_loop()) is not None:
            loop.call_soon(setattr, self, "_loop_went_on", True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        seconds = self._left(error)
        if seconds and self._loop_went_on:
            raise RuntimeError(f"{self._what}: around an await it must be `async with`") from error
        if seconds:
            time.sleep(seconds)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        seconds = self._left(error)
        if seconds and asyncio._get_running_loop() is not None:
            await asyncio.sleep(seconds)
        elif seconds:
            await sys.modules["trio"].sleep(seconds)

    def _left(self, error: BaseException | None) -> float:
        """It ends: the seconds to its stated end on the clock. None are left for who is cancelled."""
        clock = self._clock
        if clock is None:
            return 0
        within_stated.set(self._before)
        with MUTEX:
            self._member.stated -= 1
            left_ns = self._due_ns - clock.now_ns()
        if left_ns <= -1_000_000:
            self._tell(
                f"{self._what}: what waits inside in virtual time (a sleep, an LLM call) took {-left_ns // 1_000_000} ms more"
            )
        over = clock.closed or not (error is None or isinstance(error, Exception))
        return 0 if over else max(0, left_ns) / 1e9


def _part(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """A part of a stretch, in a worker thread. What is left is the stretch's to wait for."""
    with Stated(0, "", lambda _: None):
        return function(*args, **kwargs)


def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    if not within_stated.get():
        return _original_submit(self, fn, *args, **kwargs)
    within_stated.set(False)  # a worker that is started for it will work for others too
    try:
        return _original_submit(self, functools.partial(_part, fn), *args, **kwargs)
    finally:
        within_stated.set(True)
