"""One clock for all threads and event loops of a bubble: a discrete-event simulation whose processes are real threads.

Each thread of the bubble (a *member*) is in one of four states:

    RUNS    executes code, or is blocked in something that nobody told us about
    WAITS   is blocked in a wait of ours: sleep, lock, queue, join, an event loop with nothing to do
    REAL    is blocked in something outside that we recognise: a child process, a socket, `real_io()`
    HELD    the same, but what it does counts as a stated time (see `stated`)

and the states of all decide how time goes:

    somebody RUNS                       time stands still: computing costs nothing
    somebody is REAL                    time flows 1:1 with real time
    somebody is HELD                    time stands still
    all WAIT and there is a deadline    time jumps to the first deadline and its owner RUNS; one deadline at a time
    all WAIT and there is none          time flows

Three rules keep this free of races:

1. States, timers and outcomes change under `MUTEX` only.
2. The waker, not the wakee, moves the wakee to RUNS. Else time could jump between the wake-up and the moment when the
   operating system lets the wakee go on.
3. Who is about to wait makes its `Waiter` known to possible wakers *before* it looks for the last time whether it has to
   wait at all. Else a wake-up in between would be lost.
"""

from __future__ import annotations

import _thread
import contextlib
import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from pytest_agentperf.clock.parts import (
    ABANDONED,
    FAILED,
    GONE,
    HELD,
    MUTEX,
    REAL,
    RUNS,
    TIMED_OUT,
    WAITS,
    WOKEN,
    ClockError,
    Member,
    Outcome,
    RunawayClock,
    State,
    Waiter,
    get_ident,
    longest_waiting,
    within_stated,
)

real_monotonic_ns = time.monotonic_ns

FLOOR_NS = 5_000_000
"""A shorter real wait is noise and does not count."""
PATIENT_READS, PATIENT_NS = 1_000, 1
SPIN_READS, SPIN_NS = 10_000, 50_000
"""Who reads the clock very often without a wait, polls it and would never see it move. From PATIENT_READS on each read costs
PATIENT_NS, enough for `while deadline >= now()`; from SPIN_READS on, SPIN_NS."""


class OnFlow(Protocol):
    def __call__(self, *, now: bool) -> None:
        """Time flows: somebody has to watch; at once, if there is a deadline."""


class Where(Protocol):
    def __call__(self, members: Collection[Member], others: Iterable[Member], /) -> list[str]:
        """Places in the user's code where these members are."""


class Clock:
    """The time of one bubble, in ns since its start."""

    def __init__(self, *, max_ns: int, epoch_ns: int, on_flow: OnFlow, where: Where) -> None:
        self.max_ns = max_ns
        self.epoch_ns = epoch_ns
        """What the wall clock showed at the start."""
        self.base_ns = (real_monotonic_ns() // 10**9 + 1) * 10**9
        """What the monotonic clocks showed at the start. Whole seconds: aiohttp rounds deadlines up to them. Not behind
        real time: a rate limiter may remember an instant from before."""
        self.members: dict[int, Member] = {}
        self.real_wait_ns = 0
        self.unmodelled: dict[str, None] = {}
        """What took real time, one sentence each, in the order of first happening."""
        self.failure: ClockError | None = None
        self.closed = False
        self.lead_ns = 0
        """How far the monotonic clocks were ahead of real time when it was closed."""
        self.reads = 0
        """Of the clock, since the last wait."""
        self.collector: int | None = None
        """The thread in which garbage is collected just now."""
        self.changes = 0
        """Of states: the watcher's measure of progress."""
        self.flow_since_ns: int | None = None
        self._on_flow = on_flow
        self._where = where
        self._jumped_ns = 0
        self._count: dict[State, int] = {RUNS: 0, WAITS: 0, REAL: 0, HELD: 0, GONE: 0}
        self._outside: set[Member] = set()
        """Members in a wait that something outside may end."""
        self._timers: list[tuple[int, int, Waiter]] = []
        self._order = itertools.count()

    # ---- how time goes (MUTEX is held)

    def now_ns(self, *, floor_ns: int = FLOOR_NS) -> int:
        return self._jumped_ns + self._flowed_ns(floor_ns)

    def _flowed_ns(self, floor_ns: int = FLOOR_NS) -> int:
        since_ns = self.flow_since_ns
        flowed = 0 if since_ns is None else real_monotonic_ns() - since_ns
        return flowed if flowed >= floor_ns else 0

    def _stop_flow(self, ended_by: Member | None = None) -> None:
        flowed, self.flow_since_ns = self._flowed_ns(), None
        self._jumped_ns += flowed
        self.real_wait_ns += flowed
        if flowed:
            real = [member for member in self.members.values() if member.state == REAL]
            self.took_real_time(real or [member for member in [ended_by] if member], "waited for something real")

    def count(self, state: State) -> int:
        return self._count[state]

    def set_state(self, member: Member, state: State) -> None:
        if state is REAL and member.stated:
            state = HELD
        if member.state == state or self.closed:
            return
        self._stop_flow(member)
        self.changes += 1
        self._count[member.state] -= 1
        self._count[state] += 1
        member.state = state
        member.told = False
        if not self._count[RUNS]:
            self.advance()

    def advance(self) -> None:
        """Nobody runs: jump to the next deadline, or flow."""
        timer = self.next_timer()
        ready = next((member for member in tuple(self._outside) if member.state == WAITS and member.has_input()), None)
        if ready is not None:
            self.set_state(ready, RUNS)  # it is about to notice what came, perhaps from a member, before any deadline
        elif self._count[HELD] and not self._count[REAL]:
            pass
        elif timer is None or self._count[REAL]:
            if self.flow_since_ns is None:
                self.flow_since_ns = real_monotonic_ns()
                self._on_flow(now=timer is not None)
        elif timer.due_ns > self.max_ns:
            self.fail(
                RunawayClock(f"virtual time ran past its limit of {self.max_ns / 1e9:g} s{_who_stopped_the_clocks()}")
            )
        else:
            self.fire(timer)

    def next_timer(self) -> Waiter | None:
        while self._timers:
            waiter = self._timers[0][2]
            if waiter.outcome is None:
                return waiter
            heapq.heappop(self._timers)
        return None

    def fire(self, timer: Waiter) -> None:
        """The deadline of this wait has come."""
        self._stop_flow()
        self._jumped_ns = max(self._jumped_ns, timer.due_ns)
        self._end(timer, TIMED_OUT)

    def _end(self, waiter: Waiter, outcome: Outcome) -> None:
        waiter.outcome = outcome
        self.set_state(self.members[waiter.ident], RUNS)
        waiter.kick()

    def fail(self, error: ClockError) -> None:
        """From now on each wait of the bubble's own threads raises; adopted threads are left in peace."""
        self.failure = error
        for member in list(self.members.values()):
            if member.ours and member.state == WAITS and member.waiter is not None and member.waiter.outcome is None:
                self._end(member.waiter, FAILED)

    def _raise_failure(self, member: Member) -> None:
        if self.failure is not None and member.ours:
            raise type(self.failure)(*self.failure.args)

    def took_real_time(self, members: Iterable[Member], what: str) -> None:
        untold = [member for member in members if not member.told]
        for member in untold:
            member.told = True
        for place in self._where(untold, self.members.values()) if untold else ():
            self.unmodelled[f"real time was used: a thread {what} in {place}"] = None

    # ---- what members do

    def wait(self, waiter: Waiter, timeout_ns: int | None, state: State = WAITS) -> None:
        """Block the calling member until its `waiter` has an outcome, or until the clock is closed."""
        with MUTEX:
            member = self.members[waiter.ident]
            self.set_state(member, RUNS)
            self._raise_failure(member)
            self.reads = 0
            if waiter.outcome is None:
                if timeout_ns is not None:
                    waiter.due_ns = self._jumped_ns + max(1, timeout_ns)
                    heapq.heappush(self._timers, (waiter.due_ns, next(self._order), waiter))
                member.waiter = waiter
                if waiter.inputs:
                    self._outside.add(member)
                self.set_state(member, state)
                if waiter.outcome is None:
                    waiter.arm()
        if waiter.outcome is None:
            self._block(member, waiter)
        self._outside.discard(member)
        if waiter.outcome is FAILED:
            self._raise_failure(member)

    def _block(self, member: Member, waiter: Waiter) -> None:
        try:
            waiter.block()
        finally:
            with MUTEX:
                if waiter.outcome is None and not self.closed:
                    waiter.outcome = ABANDONED
                    self.set_state(member, RUNS)

    def read_ns(self) -> int:
        """The time, read by a member."""
        if self.collector == get_ident():
            return self.now_ns()
        self.reads += 1
        if self.reads > PATIENT_READS:
            with MUTEX:
                self._creep(SPIN_NS if self.reads > SPIN_READS else PATIENT_NS)
        return self.now_ns()

    def _creep(self, ns: int) -> None:
        self._jumped_ns += ns
        timer = self.next_timer()
        if self._jumped_ns > self.max_ns and self.failure is None:
            self.fail(RunawayClock(f"the clock was polled for {self.max_ns / 1e9:g} virtual seconds"))
        elif timer is not None and timer.due_ns <= self._jumped_ns:
            self.fire(timer)
        self._raise_failure(self.members[get_ident()])

    @contextlib.contextmanager
    def real_section(self) -> Iterator[None]:
        """What the calling member does inside is real, and counts at its real duration."""
        member = self.members[get_ident()]
        with MUTEX:
            member.real_depth += 1
            self.set_state(member, HELD if within_stated.get() else REAL)
        try:
            yield
        finally:
            with MUTEX:
                member.real_depth -= 1
                if not member.real_depth:
                    self.set_state(member, RUNS)

    # ---- who is a member

    def expect(self, thread: threading.Thread | None = None) -> Member:
        """A member that runs already, though its thread is yet to be started: time waits for it."""
        member = Member(ours=True, thread=thread)
        member.stated = int(within_stated.get())
        with MUTEX:
            self.set_state(member, RUNS)
        return member

    def enter(self, member: Member) -> None:
        """The calling thread is that member."""
        with MUTEX:
            member.ident, member.native_id = get_ident(), _thread.get_native_id()
            self.members[member.ident] = member

    def leave(self, member: Member) -> None:
        """The member's thread ends, or could not be started."""
        with MUTEX:
            while (joiner := longest_waiting(member.joiners)) is not None:
                wake(joiner)
            self.members.pop(member.ident, None)
            self.set_state(member, GONE)

    def runs(self, ident: int) -> None:
        """The thread was woken. Who is woken by a member becomes one. MUTEX is held."""
        member = self.members.get(ident)
        if member is None:
            if get_ident() not in self.members:
                return
            member = self.members[ident] = Member(ours=False)
            member.ident = ident
            member.native_id = getattr(threading._active.get(ident), "native_id", None) or 0  # type: ignore[attr-defined]
        if not member.real_depth:
            self.set_state(member, RUNS)

    def close(self) -> None:
        """All members go on in real time; who waits does so for what is left of its time-out."""
        with MUTEX:
            self._stop_flow()
            self.closed = True
            self.lead_ns = self.base_ns + self._jumped_ns - real_monotonic_ns()
            for member in self.members.values():
                if member.waiter is not None and member.waiter.outcome is None:
                    member.waiter.kick()


active: Clock | None = None
"""The clock of the open bubble."""


def current() -> Clock | None:
    """The clock, if the calling thread lives on virtual time just now."""
    clock = active
    if clock is not None:
        member = clock.members.get(get_ident())
        if member is not None and not member.real_depth:
            return clock
    return None


def _who_stopped_the_clocks() -> str:
    if getattr(time.monotonic, "__module__", "").startswith("freezegun."):
        return ": freezegun stopped the clocks that event loops read; freeze_time(..., real_asyncio=True) leaves them alone"
    return ""


def wake(waiter: Waiter) -> None:
    """End a wait that has no outcome yet. MUTEX is held."""
    waiter.outcome = WOKEN
    if active is not None:
        active.runs(waiter.ident)
    waiter.kick()


def wait(waiter: Waiter, timeout: float | None = None) -> bool:
    """Block the calling thread, member or not, until `wake` (True) or for `timeout` seconds (False)."""
    clock = current()
    if clock is not None:
        clock.wait(waiter, None if timeout is None else round(timeout * 1e9))
        if timeout is not None and waiter.outcome is None:
            timeout = max(0, waiter.due_ns - clock.now_ns()) / 1e9
    if waiter.outcome is None:
        _wait_really(waiter, -1 if timeout is None else timeout)
    return waiter.outcome is WOKEN


def wait_in(queue: deque[Waiter], waiter: Waiter, timeout: float | None) -> bool:
    """`wait` in a queue from which wakers take the waiters that they wake."""
    try:
        return wait(waiter, timeout)
    finally:
        if waiter.outcome is not WOKEN:
            with MUTEX:
                if waiter in queue:
                    queue.remove(waiter)


def _wait_really(waiter: Waiter, timeout: float) -> None:
    with MUTEX:
        waiter.arm()
    try:
        if waiter.outcome is None:
            waiter.block(timeout)
    finally:
        with MUTEX:
            if waiter.outcome is None:
                waiter.outcome = ABANDONED
