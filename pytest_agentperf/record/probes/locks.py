"""Waits for locks and semaphores: asyncio's, threading's semaphores, and in virtual time all locks of threads."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from typing import Any

from pytest_agentperf.clock import locks
from pytest_agentperf.clock.patching import Attribute
from pytest_agentperf.record.probes import probe

_CONDITIONS = threading.__file__
"""Its conditions wait for a lock of their own until somebody notifies them: that is no wait for who holds it."""


def _awaited(original: Any) -> Any:
    @functools.wraps(original)
    async def acquire(self: Any) -> Any:
        seeing = probe.active
        if seeing is None or not self.locked():
            return await original(self)
        start_ns = seeing.now_ns()
        try:
            return await original(self)
        finally:
            seeing.waited(start_ns)

    return acquire


def _blocked(original: Any) -> Any:
    @functools.wraps(original)
    def acquire(self: Any, *args: Any, **kwargs: Any) -> Any:
        seeing = probe.active
        if seeing is None:
            return original(self, *args, **kwargs)
        start_ns = seeing.now_ns()
        try:
            return original(self, *args, **kwargs)
        finally:
            seeing.waited(start_ns)

    return acquire


def _waiting(original: Any) -> Any:
    """`Lock._wait` of a bubble, which is reached only where the lock is taken."""
    watched = _blocked(original)

    def wait(self: Any, timeout: float) -> Any:
        caller = sys._getframe(2)  # beyond `acquire`
        if caller.f_code.co_filename == _CONDITIONS and caller.f_code.co_name == "wait":
            return original(self, timeout)
        return watched(self, timeout)

    return wait


ATTRIBUTES: list[Attribute] = [
    (asyncio.Lock, "acquire", _awaited(asyncio.Lock.acquire)),
    (asyncio.Semaphore, "acquire", _awaited(asyncio.Semaphore.acquire)),
    (threading.Semaphore, "acquire", _blocked(threading.Semaphore.acquire)),
    (threading.Semaphore, "__enter__", _blocked(threading.Semaphore.__enter__)),
    (locks.Lock, "_wait", _waiting(locks.Lock._wait)),
]
