"""The watcher: a thread that looks at the open bubble every few ms of real time, for what its members cannot do themselves.

- While time flows it fires the timers.
- It notices members that are said to run but are blocked in something unknown: C code, or a lock older than our patches.
  Their wait is then real, and noted.
- It tells a deadlock.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Hashable
from typing import Final

from pytest_agentperf.clock import describe, kernel, loops
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.parts import HELD, MUTEX, REAL, RUNS, Deadlock, Member, allocate_lock
from pytest_agentperf.clock.threads import original_start_new_thread

LOOK_NS: Final = 25_000_000
BLOCKED_LOOKS: Final = 3
"""A running member is blocked if the operating system did not run it once between so many looks."""
BLOCKED_LOOKS_BY_PROCESS: Final = 20
"""The same where only the processor time of the whole process is known: it may be waiting for a processor."""
POLLS_NS: Final = 5_000_000_000
"""A member that ran for so long without a wait, while another sleeps, may be polling for what the other is to do; one that
slept most of that time was blocked again and again, each time too shortly to be seen."""
AWAKE: Final = 0.25
"""Who was awake for a smaller part of a time slept most of it."""
DEADLOCK_NS: Final = 1_000_000_000
PARK_AFTER: Final = 40
"""Looks without an open bubble."""


class Watcher:
    """Watches one bubble after the other until it is told to stop."""

    def __init__(self) -> None:
        self._poke = allocate_lock()
        self._poke.acquire()
        self._ended = allocate_lock()
        self._ended.acquire()
        self._native_id = 0
        self._stopping = False
        self.parked = False
        """It sleeps until it is hurried, because there has been no bubble for a while."""
        self._clock: Clock | None = None
        self._changes = -1
        self._quiet_since_ns = 0
        self._seen: dict[Member, tuple[Hashable, int, int]] = {}
        """Running members: their activity, when it was seen first, and how often."""
        self._blocked: dict[Member, Hashable] = {}
        """Members that we declared blocked, with their activity then. None: until their next wait."""
        self._awake_ns: dict[Member, int] = {}
        """Running members: how long each had been awake when nothing had changed yet."""
        original_start_new_thread(self._watch, ())

    def stop(self) -> None:
        """Returns when the operating system has forgotten the thread: it warns of a fork while there are threads."""
        self._stopping = True
        self.hurry()
        self._ended.acquire()
        give_up_ns = kernel.real_monotonic_ns() + LOOK_NS
        while os.path.exists(f"/proc/self/task/{self._native_id}") and kernel.real_monotonic_ns() < give_up_ns:
            pass

    def hurry(self) -> None:
        """Look now."""
        with MUTEX:
            if self._poke.locked():
                self._poke.release()

    def _watch(self) -> None:
        self._native_id = threading.get_native_id()
        idle = 0
        while not self._stopping:
            delay_ns = LOOK_NS
            with MUTEX:
                clock = kernel.active
                if clock is not None:
                    delay_ns = self._look(clock)
            idle = 0 if clock is not None else idle + 1
            self.parked = idle > PARK_AFTER
            self._poke.acquire(True, -1 if self.parked and kernel.active is None else delay_ns / 1e9)
        self._ended.release()

    def _look(self, clock: Clock) -> int:
        """Gives the real ns until the next look."""
        now_ns = kernel.real_monotonic_ns()
        if self._clock is not clock:
            self._clock, self._changes = clock, -1
            self._blocked.clear()
        if clock.failure is None:
            self._wake_blocked(clock)
            if self._changes != clock.changes:
                self._changes, self._quiet_since_ns = clock.changes, now_ns
                self._seen.clear()
                self._awake_ns.clear()
            elif clock.count(RUNS):
                self._find_blocked(clock, now_ns)
            elif now_ns - self._quiet_since_ns > DEADLOCK_NS:
                _fail_if_deadlocked(clock)
        return self._fire_timers(clock)

    def _fire_timers(self, clock: Clock) -> int:
        while clock.flow_since_ns is not None and (timer := clock.next_timer()) is not None:
            left_ns = timer.due_ns - clock.now_ns(floor_ns=0)
            if left_ns > 0:
                return min(left_ns, LOOK_NS)
            clock.fire(timer)
        return LOOK_NS

    def _find_blocked(self, clock: Clock, now_ns: int) -> None:
        """Time stands still until the last running member waits. So only if all of them are blocked, there is a need to act."""
        running = [member for member in clock.members.values() if member.state == RUNS]
        blocked = [self._looks_blocked(member, now_ns) for member in running]
        quiet_ns = now_ns - self._quiet_since_ns
        sleepy = [self._awake_since_ns(member) < AWAKE * quiet_ns for member in running]
        if all(blocked) and len(running) == clock.count(RUNS):
            for member in running:
                activity, since_ns, _ = self._seen[member]
                self._declare_blocked(clock, member, activity, since_ns, "was blocked")
        elif quiet_ns > POLLS_NS and all(sleepy):
            for member in running:
                self._declare_blocked(clock, member, None, now_ns, "was blocked again and again")
        elif quiet_ns > POLLS_NS and clock.next_timer() is not None:
            for member in running:
                self._declare_blocked(clock, member, None, now_ns, "ran for seconds while another slept,")

    def _awake_since_ns(self, member: Member) -> float:
        """For how long it has been awake since nothing changes any more; where nobody tells, it may have been all the time."""
        awake_ns = _awake_ns(member)
        return math.inf if awake_ns is None else awake_ns - self._awake_ns.setdefault(member, awake_ns)

    def _looks_blocked(self, member: Member, now_ns: int) -> bool:
        (activity, patience), since_ns, looks = _activity(member), now_ns, 1
        if member in self._seen and self._seen[member][0] == activity:
            _, since_ns, looks = self._seen[member]
            looks += 1
        self._seen[member] = activity, since_ns, looks
        return looks >= patience and not member.awaits_end

    def _declare_blocked(self, clock: Clock, member: Member, activity: Hashable, since_ns: int, what: str) -> None:
        self._blocked[member] = activity
        clock.set_state(member, REAL)
        if member.state == REAL:
            clock.took_real_time([member], what)
        if clock.flow_since_ns is not None:
            clock.flow_since_ns = since_ns

    def _wake_blocked(self, clock: Clock) -> None:
        """Those that run again are running members again. Who went into a wait of ours has said so itself."""
        for member, before in list(self._blocked.items()):
            if member.state not in (REAL, HELD) or member.real_depth:
                del self._blocked[member]
            elif before is not None and _runs_again(member, before):
                del self._blocked[member]
                clock.set_state(member, RUNS)


def _fail_if_deadlocked(clock: Clock) -> None:
    waits = [member.waiter for member in clock.members.values() if member.waiter is not None]
    if (
        clock.count(REAL)
        or clock.count(HELD)
        or clock.next_timer() is not None
        or any(waiter.inputs for waiter in waits)
    ):
        return
    clock.fail(Deadlock(describe.deadlock(clock, loops.waiting_loops())))


def _activity(member: Member) -> tuple[Hashable, int]:
    """Something that changes whenever the thread runs, and after how many equal looks it is blocked.

    Linux tells whether a thread sleeps and how often it was switched to and from. A thread that is ready but gets no
    processor is not blocked. Elsewhere the processor time of the process must do, which hides a blocked thread while
    another one computes.
    """
    try:
        with open(f"/proc/self/task/{member.native_id}/status", "rb", buffering=0) as file:
            status = file.read(4096)
    except OSError:
        status = b""
    switches = status.partition(b"\nvoluntary_ctxt_switches")[2]
    if not switches:
        return time.process_time_ns() // 50_000_000, BLOCKED_LOOKS_BY_PROCESS  # this thread looks, too
    return switches if b"\nState:\tS" in status else _Running(), BLOCKED_LOOKS


def _awake_ns(member: Member) -> int | None:
    """For how long the thread has run, or been ready to. Only Linux tells."""
    try:
        with open(f"/proc/self/task/{member.native_id}/schedstat", "rb", buffering=0) as file:
            on_processor, ready, _ = map(int, file.read(80).split())
    except (OSError, ValueError):
        return None
    return on_processor + ready


class _Running:
    """The activity of a thread that is not asleep: equal to no other."""


def _runs_again(member: Member, before: Hashable) -> bool:
    """A thread that is asleep at each look, though it may have run between, is taken to wait for the same thing again."""
    activity, patience = _activity(member)
    return isinstance(activity, _Running) or (patience == BLOCKED_LOOKS_BY_PROCESS and activity != before)
