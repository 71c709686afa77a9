"""The parts that the clock moves: a thread, a wait of it, and the states they are in."""

from __future__ import annotations

import _thread
import select
import threading
from collections import deque
from collections.abc import Collection
from contextvars import ContextVar
from typing import Any, Final, Literal

get_ident = _thread.get_ident
allocate_lock = _thread.allocate_lock
_real_select = select.select

MUTEX = _thread.RLock()
"""Guards everything here. Re-entrant: the garbage collector may run a finaliser that releases a lock or feeds a queue."""

State = Literal["runs", "waits", "real", "held", "gone"]
RUNS: Final = "runs"
WAITS: Final = "waits"
REAL: Final = "real"
HELD: Final = "held"
GONE: Final = "gone"
"""Not a member: not yet, or no longer."""

Outcome = Literal["woken", "timed out", "failed", "abandoned"]
WOKEN: Final = "woken"
TIMED_OUT: Final = "timed out"
FAILED: Final = "failed"
"""The bubble cannot go on: the wait raises `Clock.failure`."""
ABANDONED: Final = "abandoned"
"""The thread stopped waiting by itself: an exception (Ctrl-C) came, or real input for its event loop."""


within_stated: ContextVar[bool] = ContextVar("agentperf_within_stated", default=False)
"""Whether this task or thread does work whose time is stated."""


class ClockError(BaseException):
    """The bubble cannot go on. Not an `Exception`: no retry loop and no `except Exception` of the agent shall eat it."""


class Deadlock(ClockError):
    """All threads of the bubble wait and none of them can wake another."""


class RunawayClock(ClockError):
    """Virtual time ran past the bubble's limit."""


class Waiter:
    """One wait of the thread that makes it. Who ends the wait sets `outcome`, once."""

    __slots__ = ("_raw", "due_ns", "gift", "ident", "inputs", "outcome")

    def __init__(self) -> None:
        self.ident = get_ident()
        self.outcome: Outcome | None = None
        self.gift: Any = None
        """What the waker hands over."""
        self.due_ns = 0
        self.inputs: Collection[int] = ()
        """File descriptors: input on one ends this wait too."""
        self._raw: _thread.LockType | None = None

    def arm(self) -> None:
        """From now on `kick` ends `block`. MUTEX is held."""
        if self._raw is None:
            self._raw = allocate_lock()
            self._raw.acquire()

    def block(self, timeout: float = -1) -> None:
        """Block the thread, really."""
        assert self._raw is not None
        self._raw.acquire(True, timeout)

    def kick(self) -> None:
        """End `block`, if the wait is armed. MUTEX is held."""
        if self._raw is not None and self._raw.locked():
            self._raw.release()


class Member:
    """A thread of a bubble."""

    __slots__ = (
        *("awaits_end", "ident", "joiners", "native_id", "ours"),
        *("polls", "real_depth", "state", "stated", "thread", "told", "waiter"),
    )

    def __init__(self, *, ours: bool, thread: threading.Thread | None = None) -> None:
        self.ident = 0
        self.native_id = 0
        """What the operating system calls the thread. 0: not known."""
        self.ours = ours
        """It is the bubble's own thread or was started inside; else it was adopted when a member woke it."""
        self.thread = thread
        self.state: State = GONE
        self.waiter: Waiter | None = None
        """Its last wait."""
        self.real_depth = 0
        """Real sections it is in. Inside of one all its waits are real."""
        self.stated = 0
        """Stretches of work that it is in whose time is stated."""
        self.told = False
        """`Clock.unmodelled` has what it is doing in this state."""
        self.polls = False
        """It has just looked in vain whether something outside has ended."""
        self.joiners: deque[Waiter] = deque()
        """Who waits for its end."""
        self.awaits_end = False
        """It joins a thread that has ended, as far as Python goes. That takes no time, however busy the machine is."""

    def has_input(self) -> bool:
        return self.waiter is not None and has_input(self.waiter.inputs)


def has_input(inputs: Collection[int]) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        for fd in inputs:
            poll.register(fd, select.POLLIN)
        return bool(poll.poll(0))
    return bool(_real_select(inputs, (), (), 0)[0])


def longest_waiting(queue: deque[Waiter]) -> Waiter | None:
    """The first in the queue whose wait has not ended. MUTEX is held."""
    while queue:
        if queue[0].outcome is None:
            return queue[0]
        queue.popleft()
    return None
