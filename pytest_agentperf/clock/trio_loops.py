"""trio (and anyio on trio): where its scheduler waits for input, and who ends that wait. Like `loops`.

trio tells precisely who waits for what: it watches a socket or a child only while a task waits for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.locks import SimpleQueue
from pytest_agentperf.clock.loops import LoopWaiter
from pytest_agentperf.clock.parts import MUTEX, WOKEN
from pytest_agentperf.clock.patching import Attribute
from pytest_agentperf.clock.traffic import Traffic

_FOR_EVER_S = 24 * 3600  # trio's own limit

_waiting: dict[Any, LoopWaiter] = {}
"""By the socket pairs that wake a scheduler."""
_runner_of: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""By its I/O manager: in guest mode a helper thread waits for input, and knows nothing else."""


def attributes() -> list[Attribute]:
    """What to patch: nothing, as long as nobody has imported trio."""
    if "trio" not in sys.modules:
        return []
    from trio import _threads
    from trio._core import _run, _wakeup_socketpair

    run: Any = _run
    manager = run.TheIOManager
    pair: Any = _wakeup_socketpair.WakeupSocketpair
    wake_up = pair.wakeup_thread_and_signal_safe
    return [
        (manager, "get_events", _get_events(manager.get_events, wake_up)),
        (pair, "wakeup_thread_and_signal_safe", _wakeup(wake_up)),
        *((call, "__init__", _with_queue(call.__init__)) for call in (_threads.Run, _threads.RunSync)),
    ]


def _with_queue(original: Callable[..., None]) -> Callable[..., None]:
    """A thread waits in `queue` for the answer to a call into trio; its class bound the queue's when it was made."""

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, *args, **kwargs)
        object.__setattr__(self, "queue", SimpleQueue())

    return __init__


def _wakeup(original: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(original)
    def wakeup_thread_and_signal_safe(self: Any) -> None:
        clock = kernel.active
        if clock is not None:
            with MUTEX:
                waiter = _waiting.get(self)
                if waiter is not None and waiter.outcome is None:
                    waiter.outcome = WOKEN
                    clock.runs(waiter.ident)
        original(self)

    return wakeup_thread_and_signal_safe


def _get_events(original: Callable[[Any, float], Any], wake_up: Callable[[Any], None]) -> Callable[[Any, float], Any]:
    from trio._core._run import GLOBAL_RUN_CONTEXT

    @functools.wraps(original)
    def get_events(self: Any, timeout: float) -> Any:
        runner: Any = getattr(GLOBAL_RUN_CONTEXT, "runner", None)
        if runner is not None:
            _runner_of[self] = weakref.ref(runner)  # which holds the manager
        clock = kernel.current()
        if clock is None or timeout <= 0:
            return original(self, timeout)
        runner = _runner_of.get(self, lambda: None)()
        if runner is None:
            with clock.real_section():
                return original(self, timeout)
        return _wait(clock, runner, functools.partial(original, self), wake_up, timeout)

    return get_events


def _wait(
    clock: Clock, runner: Any, poll: Callable[[float], Any], wake_up: Callable[[Any], None], timeout: float
) -> Any:
    pairs = (runner.entry_queue.wakeup, runner.io_manager._force_wakeup)
    watched = runner.io_manager._registered.keys() - {pair.wakeup_sock.fileno() for pair in pairs}
    waiter = LoopWaiter(
        functools.partial(wake_up, pairs[1]),
        lambda seconds: poll(_FOR_EVER_S if seconds is None else seconds),
        Traffic(inputs=tuple(watched), awaited=any(not _listens(fd) for fd in watched)),
    )
    _waiting.update(dict.fromkeys(pairs, waiter))
    try:
        return waiter.wait_for_input(clock, timeout)
    finally:
        for pair in pairs:
            del _waiting[pair]


def _listens(fd: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as sock:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return False


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """trio shuffles the tasks that are ready, by a random generator of its own."""
    if "trio" not in sys.modules:
        yield
        return
    from trio._core import _run

    state = _run._r.getstate()
    _run._r.seed(seed)
    try:
        yield
    finally:
        _run._r.setstate(state)
