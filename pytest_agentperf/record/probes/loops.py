"""Event loops that are held up: each callback is timed, and who holds one up is looked at while it does.

In virtual time a callback takes as long as what it waits for, to the nanosecond, and the place is where it waits. In real
time a thread looks now and then at who has not come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import threading
from collections.abc import Iterator
from typing import Any

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.loops import LoopWaiter
from pytest_agentperf.clock.patching import Attribute
from pytest_agentperf.model.signal import Block
from pytest_agentperf.record.probes import probe
from pytest_agentperf.record.probes.place import Place, here, place
from pytest_agentperf.record.spans import task_number

LEAST_NS = 5_000_000
"""A shorter block is nobody's worry, and so frequent that it would cost to keep."""
LOOK_S = 0.02
"""How often the thread looks in real time: a block of twice that is seen for certain."""
_NOWHERE = Place("", "")

_original_run: Any = asyncio.Handle._run
_since: dict[int, int] = {}
"""By thread: since when its loop is in the callback that it is in, on the recording's clock."""
_places: dict[int, tuple[int, Place, int]] = {}
"""By thread: the callback (by its start) that was last seen to wait, where, and for how long there."""


def run(self: Any) -> Any:
    """`Handle._run`."""
    seeing = probe.active
    if seeing is None:
        return _original_run(self)
    ident = probe.get_ident()
    outer = _since.get(ident)
    task = getattr(self._callback, "__self__", None)
    start_ns = _since[ident] = seeing.now_ns()
    try:
        return _original_run(self)
    finally:
        if outer is None:
            del _since[ident]
        else:
            _since[ident] = outer
        end_ns = seeing.now_ns()
        if end_ns - start_ns >= LEAST_NS:
            seen = _places.pop(ident, None)
            known = seen is not None and seen[0] == start_ns and 2 * seen[2] >= end_ns - start_ns
            at = seen[1] if seen is not None and known else _NOWHERE
            number = task_number(task) if isinstance(task, asyncio.Future) else None
            seeing.blocks.append(
                Block(start_ns=start_ns, end_ns=end_ns, thread=ident, task=number, where=at.where, doing=at.doing)
            )


def _wait(original: Any) -> Any:
    """`Clock.wait`: who waits in a callback, other than the loop itself, holds the loop up."""

    @functools.wraps(original)
    def wait(self: Any, waiter: Any, *args: Any, **kwargs: Any) -> Any:
        start_ns = None if isinstance(waiter, LoopWaiter) else _since.get(waiter.ident)
        if start_ns is None:
            return original(self, waiter, *args, **kwargs)
        before = self.now_ns()
        try:
            return original(self, waiter, *args, **kwargs)
        finally:
            _longest(waiter.ident, start_ns, self.now_ns() - before)

    return wait


def _longest(ident: int, start_ns: int, took_ns: int) -> None:
    seen = _places.get(ident)
    if seen is None or seen[0] != start_ns or seen[2] < took_ns:
        _places[ident] = start_ns, here(), took_ns


def _real_section(original: Any) -> Any:
    """`Clock.real_section`: the same for a wait that is real in virtual time, as for a child process."""

    @contextlib.contextmanager
    def real_section(self: Any) -> Iterator[None]:
        ident = probe.get_ident()
        start_ns, before = _since.get(ident), self.now_ns()
        try:
            with original(self):
                yield
        finally:
            if start_ns is not None:
                _longest(ident, start_ns, self.now_ns() - before)

    return real_section


class Watch(threading.Thread):
    """Looks, in real time, where callbacks are that do not come back."""

    def __init__(self) -> None:
        super().__init__(name="agentperf-watch", daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        looked: dict[int, int] = {}
        while not self._over.wait(LOOK_S):
            for ident, start_ns in tuple(_since.items()):
                if looked.get(ident) == start_ns and (_places.get(ident) or (0,))[0] != start_ns:
                    frame = sys._current_frames().get(ident)
                    if _since.get(ident) == start_ns:
                        _places[ident] = start_ns, place(frame), sys.maxsize
                looked[ident] = start_ns

    def stop(self) -> None:
        self._over.set()
        self.join()


ATTRIBUTES: list[Attribute] = [
    (asyncio.Handle, "_run", run),
    (kernel.Clock, "wait", _wait(kernel.Clock.wait)),
    (kernel.Clock, "real_section", _real_section(kernel.Clock.real_section)),
]
