"""Threads: whom a member starts is a member from that moment on, and joining one is a wait that the clock sees."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Mapping
from typing import Any

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.kernel import GONE, MUTEX, Clock, Member, Waiter

_original_start = threading.Thread.start
_original_bootstrap: Callable[[threading.Thread], None] = threading.Thread._bootstrap  # type: ignore[attr-defined]
_original_join = threading.Thread.join
original_start_new_thread: Callable[..., int] = _thread.start_new_thread

_expected: dict[threading.Thread, tuple[Clock, Member]] = {}
"""Threads between their `start` and their first step."""


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
        clock.enter(member)
    try:
        _original_bootstrap(self)
    finally:
        _leave()


def _leave() -> None:
    """The calling thread ends. It may have become a member on the way."""
    clock = kernel.active
    if clock is not None and (member := clock.members.get(kernel.get_ident())) is not None:
        clock.leave(member)


def join(self: threading.Thread, timeout: float | None = None) -> None:
    clock = kernel.current()
    if clock is None or self is threading.current_thread():
        return _original_join(self, timeout)
    member = clock.members.get(getattr(self, "_ident", None) or 0)
    if member is None or (member.thread is not self and member.ours):
        with clock.real_section():  # it has ended, or lives outside of the bubble
            return _original_join(self, timeout)
    waiter = Waiter()
    with MUTEX:
        if member.state != GONE:
            member.joiners.append(waiter)
    if waiter in member.joiners and not kernel.wait_in(member.joiners, waiter, timeout and max(timeout, 0)):
        return None
    return _original_join(self)  # the operating system's part of its end


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
