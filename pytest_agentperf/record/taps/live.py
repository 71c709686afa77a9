"""The taps without a cassette: what goes over the network is seen by the active recorder, and nothing else changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from pytest_agentperf.record.imports import on_import
from pytest_agentperf.record.taps.table import BY_MODULE


class _Taps:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.undo = ExitStack()


_taps = _Taps()


@contextmanager
def installed() -> Iterator[None]:
    """Watch every stack that is loaded, and each other one as soon as it is. Re-entrant; counts over all threads."""
    with _taps.lock:
        if not _taps.users:
            _install(_taps.undo)
        _taps.users += 1
    try:
        yield
    finally:
        with _taps.lock:
            _taps.users -= 1
            if not _taps.users:
                _taps.undo.close()


def _install(undo: ExitStack) -> None:
    seen: set[tuple[type, str]] = set()  # a class may stand under two names: httpx2 can pose as httpx

    def tap(module: ModuleType) -> None:
        own = BY_MODULE[module.__name__]
        for owner, attribute, function in () if own.missing(module) else own.patches(module, local=False):
            if (owner, attribute) not in seen:
                seen.add((owner, attribute))
                undo.callback(_patch(owner, attribute, function))

    undo.enter_context(on_import(BY_MODULE, tap))


def _patch(owner: type, attribute: str, tap: Any) -> Callable[[], None]:
    """Gives what takes the tap out again."""
    original = vars(owner)[attribute]
    setattr(owner, attribute, tap)

    def restore() -> None:
        # Who patched on top of us since then (a cassette that is still open) puts us back when it leaves; without a
        # recorder a tap only passes on.
        if vars(owner)[attribute] is tap:
            setattr(owner, attribute, original)

    return restore
