"""Locks and queues whose waiters the clock sees.

Each holds the original, which keeps the state, and a queue of those who wait. While nobody waits, all that is added is a
function call. Who frees something (releases the lock, puts an item) takes it back at once and hands it to the one that
waited longest: who gets a lock does not depend on which thread the operating system lets run first.
"""

from __future__ import annotations

import _queue
import _thread
from collections import deque
from typing import Any

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.parts import MUTEX, WOKEN, Waiter, longest_waiting
from pytest_agentperf.clock.parts import allocate_lock as original_allocate_lock

OriginalRLock: Any = _thread.RLock
OriginalSimpleQueue = _queue.SimpleQueue


class _LockClass(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _thread.LockType)


class Lock(metaclass=_LockClass):
    """`threading.Lock`."""

    __slots__ = ("__weakref__", "_raw", "_waiting")

    def __init__(self) -> None:
        self._raw: Any = original_allocate_lock()
        self._waiting: deque[Waiter] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if timeout != -1:
            original_allocate_lock().acquire(blocking, timeout)  # the original's checks of its arguments
        return self._raw.acquire(False) or (bool(blocking) and timeout != 0 and self._wait(timeout))

    def _wait(self, timeout: float) -> bool:
        waiter = Waiter()
        with MUTEX:
            self._waiting.append(waiter)
            if self._raw.acquire(False):
                self._waiting.remove(waiter)
                return True
        try:
            return kernel.wait_in(self._waiting, waiter, None if timeout < 0 else timeout)
        except BaseException:
            if waiter.outcome is WOKEN:
                self.release()
            raise

    def release(self) -> None:
        self._raw.release()
        if self._waiting:
            with MUTEX:
                heir = longest_waiting(self._waiting)
                if heir is not None and self._raw.acquire(False):
                    self._waiting.popleft()
                    kernel.wake(heir)

    def locked(self) -> bool:
        return bool(self._raw.locked())

    acquire_lock, release_lock, locked_lock = acquire, release, locked

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._raw._at_fork_reinit()
        self._waiting.clear()

    def __repr__(self) -> str:
        return repr(self._raw)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._raw.__reduce_ex__(protocol)  # the original's refusal

    def __init_subclass__(cls) -> None:
        raise TypeError("type '_thread.lock' is not an acceptable base type")

    __class__ = property(lambda self: _thread.LockType)


def allocate_lock() -> Lock:
    """`_thread.allocate_lock`, which is `threading.Lock` before Python 3.13."""
    return Lock()


class RLock(OriginalRLock):  # type: ignore[misc]
    """`threading.RLock`: the original counts, a `Lock` before it does the waiting."""

    __slots__ = ("_gate",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._gate = Lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> Any:
        if self._is_owned():
            return super().acquire(blocking, timeout)
        return self._gate.acquire(blocking, timeout) and super().acquire()

    def release(self) -> None:
        super().release()
        if not self._is_owned():
            self._gate.release()

    def __enter__(self) -> Any:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def _release_save(self) -> Any:
        state = super()._release_save()
        self._gate.release()
        return state

    def _acquire_restore(self, state: Any) -> None:
        self._gate.acquire()
        super()._acquire_restore(state)

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._gate._at_fork_reinit()

    def __repr__(self) -> str:
        return str(super().__repr__()).replace(" RLock object", " _thread.RLock object", 1)


class SimpleQueue(OriginalSimpleQueue[Any]):
    """`queue.SimpleQueue`: idle workers of a `ThreadPoolExecutor` wait in one."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[Waiter] = deque()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item)
        if self._waiting:
            with MUTEX:
                heir = longest_waiting(self._waiting)
                if heir is not None and not self.empty():
                    try:
                        heir.gift = super().get_nowait()
                    except _queue.Empty:
                        return
                    self._waiting.popleft()
                    kernel.wake(heir)

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if timeout is not None:
            _full_queue().get(block, timeout)  # the original's checks of its arguments
        try:
            return super().get_nowait()
        except _queue.Empty:
            if not block or timeout == 0:
                raise
        waiter = Waiter()
        with MUTEX:
            self._waiting.append(waiter)
            try:
                item = super().get_nowait()
            except _queue.Empty:
                pass
            else:
                self._waiting.remove(waiter)
                return item
        try:
            woken = kernel.wait_in(self._waiting, waiter, timeout)
        except BaseException:
            if waiter.outcome is WOKEN:
                self.put(waiter.gift)
            raise
        if woken:
            return waiter.gift
        raise _queue.Empty


def _full_queue() -> OriginalSimpleQueue[None]:
    full = OriginalSimpleQueue[None]()
    full.put(None)
    return full


Lock.__module__, Lock.__qualname__ = "_thread", "lock"
allocate_lock.__module__ = "_thread"
RLock.__module__, SimpleQueue.__module__ = "_thread", "_queue"
