"""Threads: whom a member starts is a member from that moment on, and joining one is a wait that the clock sees."""

from __future__ import annotations

import _thread
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.parts import GONE, MUTEX, Member, Waiter, get_ident, within_stated

_original_start = threading.Thread.start
_original_bootstrap: Callable[[threading.Thread], None] = threading.Thread._bootstrap  # type: ignore[attr-defined]
_original_join = threading.Thread.join
original_start_new_thread: Callable[..., int] = _thread.start_new_thread

_expected: dict[threading.Thread, tuple[Clock, Member]] = {}
"""Threads between their `start` and their first step."""
_ended: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
"""Threads after their last step. The operating system may take its time to end them."""


def start(self: threading.Thread) -> None:
    clock = kernel.current()
    if clock is None:
        return _original_start(self)
    member = clock.expect(self)
    _expected[self] = clock, member
    try:
        _original_start(self)
    finally:
        if _expected.pop(self, None) is not None:
            clock.leave(member)


def bootstrap(self: threading.Thread) -> None:
    """The outermost function of every new thread."""
    expected = _expected.pop(self, None)
    if expected is not None:
        clock, member = expected
        within_stated.set(bool(member.stated))
        clock.enter(member)
    try:
        _original_bootstrap(self)
    finally:
        _ended.add(self)
        _leave()


def _leave() -> None:
    """The calling thread ends. It may have become a member on the way."""
    clock = kernel.active
    if clock is not None and (member := clock.members.get(get_ident())) is not None:
        clock.leave(member)


def join(self: threading.Thread, timeout: float | None = None) -> None:
    clock = kernel.current()
    if clock is None or self is threading.current_thread() or (timeout is not None and timeout <= 0):
        return _original_join(self, timeout)
    member = clock.members.get(getattr(self, "_ident", None) or 0)
    if self in _ended:
        return _join_ended(clock, self)
    if member is None or (member.ours and member.thread is not self):
        with clock.real_section():  # it lives outside of the bubble
            return _original_join(self, timeout)
    waiter = Waiter()
    with MUTEX:
        gone = member.state == GONE
        if not gone:
            member.joiners.append(waiter)
    if gone or kernel.wait_in(member.joiners, waiter, timeout):
        _join_ended(clock, self)
    return None


def _join_ended(clock: Clock, thread: threading.Thread) -> None:
    me = clock.members[get_ident()]
    me.awaits_end = True
    try:
        _original_join(thread)
    finally:
        me.awaits_end = False


def start_new_thread(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None, /
) -> int:
    keywords = {} if kwargs is None else kwargs
    clock = kernel.current()
    if clock is None or not callable(function):
        return original_start_new_thread(function, args, keywords)
    member = clock.expect()

    def run(*args: Any, **kwargs: Any) -> None:
        clock.enter(member)
        try:
            function(*args, **kwargs)
        finally:
            _leave()

    try:
        return original_start_new_thread(run, args, keywords)
    except BaseException:
        clock.leave(member)
        raise
