"""`time.sleep` and the functions that read a clock."""

from __future__ import annotations

import contextlib
import gc
import operator
import sys
import time
from collections.abc import Callable, Iterator

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.parts import Waiter, get_ident

with contextlib.suppress(ImportError):
    # time-machine casts time.time to a C function: it must bind the originals. After any replacement in Python it crashes.
    import _time_machine  # type: ignore[import-not-found]  # noqa: F401

POLLING_S = 1
"""Who looks in vain whether a child has ended, and then sleeps no longer than this, sleeps in order to look again."""

_original_sleep = time.sleep


def sleep(seconds: float, /) -> None:
    clock = kernel.current()
    if clock is not None:
        if not isinstance(seconds, float):
            seconds = operator.index(seconds)
        member = clock.members[get_ident()]
        polls, member.polls = member.polls, False
        if polls and 0 < seconds <= POLLING_S:
            with clock.real_section():
                return _original_sleep(seconds)
        if seconds > 0:
            kernel.wait(Waiter(), seconds)
            return None
        clock.read_ns()  # sleep(0) in a loop polls for something
    return _original_sleep(seconds)


sleep.__module__ = _original_sleep.__module__


def _virtual(original: Callable[[], float], *, wall: bool, whole_ns: bool) -> Callable[[], float]:
    """A stand-in for a clock of the time module."""

    def read() -> float:
        clock = kernel.active
        if clock is None or get_ident() not in clock.members:
            return original()
        ns = clock.read_ns() + (_wall_base_ns(clock) if wall else clock.base_ns)
        return ns if whole_ns else ns / 1e9

    read.__name__ = read.__qualname__ = original.__name__
    read.__module__ = original.__module__
    read.__doc__ = original.__doc__
    return read


real_time_ns = time.time_ns


def _wall_base_ns(clock: kernel.Clock) -> int:
    time_machine = sys.modules.get("time_machine")
    travellers = getattr(time_machine, "traveller_stack", None)
    if travellers and not hasattr(travellers[-1], "agentperf"):
        return real_time_ns()  # the traveller's date
    return clock.epoch_ns


@contextlib.contextmanager
def dated(clock: kernel.Clock) -> Iterator[None]:
    """`datetime.now()` and the other readers of C clocks follow the wall clock of the bubble, if time-machine is there."""
    try:
        import time_machine  # type: ignore[import-not-found]
    except ImportError:
        yield
        return
    with time_machine.travel(clock.epoch_ns / 1e9, tick=False) as traveller:
        traveller.agentperf = True
        traveller.time_ns = lambda: clock.epoch_ns + clock.now_ns()
        yield


@contextlib.contextmanager
def told_of_collections(clock: kernel.Clock) -> Iterator[None]:
    """When garbage is collected is luck: what runs then (hypothesis times each collection) neither polls the clock nor fails."""

    def begins(phase: str, info: object) -> None:
        if phase == "start":
            clock.collector = get_ident()
            if gc.callbacks[-1] is not ends:  # one came meanwhile
                with contextlib.suppress(ValueError):  # or the bubble ended, in another thread
                    gc.callbacks.remove(ends)
                    gc.callbacks.append(ends)

    def ends(phase: str, info: object) -> None:
        if phase == "stop":
            clock.collector = None

    # There may be a collection between any two of these lines.
    gc.callbacks.append(ends)
    gc.callbacks.insert(0, begins)
    try:
        yield
    finally:
        for callback in (begins, ends):
            with contextlib.suppress(ValueError):  # somebody emptied the list
                gc.callbacks.remove(callback)


STAND_INS: dict[Callable[..., object], Callable[..., object]] = {
    time.sleep: sleep,
    **{
        (original := getattr(time, name)): _virtual(original, wall="time" in name, whole_ns=name.endswith("_ns"))
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
    },
}
