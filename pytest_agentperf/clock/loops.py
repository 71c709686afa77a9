"""asyncio: every loop over a selector, whoever made it, also one that runs already.

A loop with nothing to do asks its selector to wait for input until the next timer is due. Here that wait becomes one of
the clock's. Its other end is `_write_to_self`, by which another thread wakes the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import selectors
import sys
import weakref
from asyncio import selector_events
from collections.abc import Callable
from typing import Any

from pytest_agentperf.clock import kernel, real
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.parts import MUTEX, REAL, WAITS, WOKEN, Waiter
from pytest_agentperf.clock.traffic import Traffic, awaited_traffic

SelectorLoop = selector_events.BaseSelectorEventLoop
Select = Callable[[Any, "float | None"], list[Any]]

_original_write_to_self: Callable[[Any], None] = SelectorLoop._write_to_self  # type: ignore[attr-defined]

_waiting: dict[Any, LoopWaiter] = {}
"""The loops that wait on virtual time just now."""
_clock_of: weakref.WeakKeyDictionary[Any, Clock] = weakref.WeakKeyDictionary()
"""The loops whose timers are on the time of a bubble."""


class LoopWaiter(Waiter):
    """The thread blocks in the loop's own wait for input, where signals reach it too."""

    __slots__ = ("_armed", "_events", "_get_input", "_traffic", "_wake_up")

    def __init__(
        self, wake_up: Callable[[], object], get_input: Callable[[float | None], Any], traffic: Traffic
    ) -> None:
        super().__init__()
        self.inputs = traffic.inputs
        self._wake_up = wake_up
        self._get_input = get_input
        self._traffic = traffic
        self._armed = False
        self._events: Any = []

    def wait_for_input(self, clock: Clock, timeout: float | None) -> Any:
        events = self._get_input(0)
        if not events:
            timeout_ns = None if timeout is None else round(timeout * 1e9)
            clock.wait(self, timeout_ns, REAL if self._traffic.awaited else WAITS)
            events = self._events
        return events

    def arm(self) -> None:
        self._armed = True

    def block(self, timeout: float = -1) -> None:
        self._events = self._get_input(self._traffic.look_again_s)

    def kick(self) -> None:
        if self._armed:
            self._wake_up()


def select_of(original: Select) -> Select:
    """The stand-in for `select` of one of the selector classes."""

    def select(self: selectors.BaseSelector, timeout: float | None = None) -> Any:
        loop: Any = asyncio._get_running_loop()
        if getattr(loop, "_selector", None) is not self:
            loop = None
        elif _back_to_real_time(loop):
            return []  # the time-out was computed from timers that have just been moved
        clock = kernel.current()
        if clock is None:
            return original(self, timeout)
        if loop is not None:
            _clock_of[loop] = clock
        if timeout is not None and timeout <= 0:
            return original(self, timeout)
        if loop is not None:
            return _wait(clock, loop, original, timeout)
        return real.foreign_select(clock, self, original, timeout)

    return select


def _wait(clock: Clock, loop: Any, original: Select, timeout: float | None) -> Any:
    waiter = LoopWaiter(
        functools.partial(_original_write_to_self, loop),
        functools.partial(original, loop._selector),
        awaited_traffic(loop._selector),
    )
    _waiting[loop] = waiter
    try:
        return waiter.wait_for_input(clock, timeout)
    finally:
        del _waiting[loop]


def write_to_self(self: Any) -> None:
    """The tail of `call_soon_threadsafe`: wake the loop. It is not known whether the loop is about to wait."""
    clock = kernel.active
    if clock is not None:
        with MUTEX:
            waiter = _waiting.get(self)
            if waiter is not None and waiter.outcome is None:
                waiter.outcome = WOKEN
                clock.runs(waiter.ident)
            elif self._thread_id is not None and self._thread_id not in clock.members:
                clock.runs(self._thread_id)  # a loop in a thread outside: the bubble adopts it
    _original_write_to_self(self)


def waiting_loops(ident: int | None = None) -> list[asyncio.AbstractEventLoop]:
    """Those that wait on virtual time just now, in all threads or in one."""
    return [loop for loop, waiter in list(_waiting.items()) if ident in (None, waiter.ident)]


def forget() -> None:
    """In a forked child: the threads that waited are not there."""
    _waiting.clear()


def leave() -> None:
    """The bubble is closed. A loop that runs in another thread follows when it looks for input the next time."""
    for loop in list(_clock_of):
        if not loop.is_running():
            _back_to_real_time(loop)


def _back_to_real_time(loop: Any) -> bool:
    """Move the timers of a loop that outlived its bubble. Virtual time is ahead of real time by up to hours."""
    clock = _clock_of.get(loop)
    if clock is None or not clock.closed:
        return False
    del _clock_of[loop]
    for handle in loop._scheduled:
        handle._when -= clock.lead_ns / 1e9
    return True


def swapped_uvloop() -> contextlib.AbstractContextManager[object]:
    """uvloop keeps time in C, where no clock can be virtual: give asyncio's loop to who asks for one meanwhile."""
    uvloop = sys.modules.get("uvloop")
    if uvloop is None:
        return contextlib.nullcontext()
    stack = contextlib.ExitStack()
    for name in ("Loop", "new_event_loop"):
        stack.callback(setattr, uvloop, name, getattr(uvloop, name))
        setattr(uvloop, name, asyncio.SelectorEventLoop)
    return stack
