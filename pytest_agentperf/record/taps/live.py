"""The taps without a cassette: what goes over the network is seen by the active recorder, and nothing else changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from pytest_agentperf.record.imports import on_import
from pytest_agentperf.record.taps import httpx

_lock = threading.Lock()
_depth = 0
_undo = ExitStack()


@contextmanager
def installed() -> Iterator[None]:
    """Watch every stack that is loaded, and each other one as soon as it is. Re-entrant; counts over all threads."""
    global _depth
    with _lock:
        if not _depth:
            _install()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth:
                _undo.close()


def _install() -> None:
    seen: set[tuple[type, str]] = set()  # a class may stand under two names: httpx2 can pose as httpx

    def tap(module: ModuleType) -> None:
        for owner, attribute in httpx.points(module, httpx.NETWORK):
            if (owner, attribute) not in seen:
                seen.add((owner, attribute))
                _patch(owner, attribute, httpx.tapped(module, owner, attribute))

    _undo.enter_context(on_import(httpx.MODULES, tap))


def _patch(owner: type, attribute: str, tap: Any) -> None:
    original = vars(owner)[attribute]
    setattr(owner, attribute, tap)

    def restore() -> None:
        # Who patched on top of us since then (a cassette that is still open) puts us back when it leaves; without a
        # recorder a tap only passes on.
        if vars(owner)[attribute] is tap:
            setattr(owner, attribute, original)

    _undo.callback(restore)
