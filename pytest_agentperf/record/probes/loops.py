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
from pytest_agentperf.record.probes.probe import get_ident
from pytest_agentperf.record.spans import task_number

LEAST_NS = 5_000_000
"""A shorter block is nobody's worry, and so frequent that it would cost to keep."""
LOOK_S = 0.02
"""How often the thread looks in real time: a block of twice that is seen for certain."""
_NOWHERE = Place("", "")

_original_run: Any = asyncio.Handle._run
_since: dict[int, int] = {}
"""By thread: when the callback began that its loop is in, or was in last: to forget it after each would cost as much again."""
_places: dict[tuple[int, int], dict[Place, int]] = {}
"""By thread and begin of a callback: where it was seen to wait, and for how long in all."""


def run(self: Any) -> Any:
    """`Handle._run`: each callback of each loop comes through here."""
    seeing = probe.active
    if seeing is None:
        return _original_run(self)
    now_ns = seeing.now_ns
    start_ns = _since[get_ident()] = now_ns()
    try:
        return _original_run(self)
    finally:
        if (end_ns := now_ns()) - start_ns >= LEAST_NS:
            _blocked(seeing, self, start_ns, end_ns)


def _blocked(seeing: probe.Probe, handle: Any, start_ns: int, end_ns: int) -> None:
    ident = get_ident()
    waits = _places.pop((ident, start_ns), None)
    at = _NOWHERE
    if waits and 2 * sum(waits.values()) >= end_ns - start_ns:  # else most of it was something else
        at = max(waits, key=waits.__getitem__)
    task = getattr(handle._callback, "__self__", None)
    seeing.blocks.append(
        Block(
            start_ns=start_ns - seeing.zero_ns,
            end_ns=end_ns - seeing.zero_ns,
            thread=ident,
            task=task_number(task) if isinstance(task, asyncio.Future) else None,
            where=at.where,
            doing=at.doing,
        )
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
            _waited(waiter.ident, start_ns, self.now_ns() - before)

    return wait


def _waited(ident: int, start_ns: int, took_ns: int) -> None:
    if took_ns >= LEAST_NS:
        waits, at = _places.setdefault((ident, start_ns), {}), here()
        waits[at] = waits.get(at, 0) + took_ns


def _real_section(original: Any) -> Any:
    """`Clock.real_section`: the same for a wait that is real in virtual time, as for a child process."""

    @contextlib.contextmanager
    def real_section(self: Any) -> Iterator[None]:
        ident = get_ident()
        start_ns, before = _since.get(ident), self.now_ns()
        try:
            with original(self):
                yield
        finally:
            if start_ns is not None:
                _waited(ident, start_ns, self.now_ns() - before)

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
                if looked.get(ident) == start_ns and (ident, start_ns) not in _places:
                    frame = sys._current_frames().get(ident)
                    if _since.get(ident) == start_ns:
                        _places[ident, start_ns] = {place(frame): sys.maxsize}
                looked[ident] = start_ns

    def stop(self) -> None:
        self._over.set()
        self.join()


def forget() -> None:
    _since.clear()
    _places.clear()


ATTRIBUTES: list[Attribute] = [
    (asyncio.Handle, "_run", run),
    (kernel.Clock, "wait", _wait(kernel.Clock.wait)),
    (kernel.Clock, "real_section", _real_section(kernel.Clock.real_section)),
]
