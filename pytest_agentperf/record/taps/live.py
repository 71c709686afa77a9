"""The taps without a cassette: what goes over the network is seen by the active recorder, and nothing else changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from pytest_agentperf.record.imports import on_import
from pytest_agentperf.record.taps.table import TAPS, problem


class _Taps:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.undo = ExitStack()
        self.problems: dict[str, None] = {}


_taps = _Taps()


@contextmanager
def installed() -> Iterator[dict[str, None]]:
    """Watch every stack that is loaded, and each other one as soon as it is. Re-entrant; counts over all threads.

    Gives a sentence for each stack that cannot be watched, more of them as they are loaded.
    """
    with _taps.lock:
        if not _taps.users:
            _taps.problems = {}
            _install(_taps.undo, _taps.problems)
        _taps.users += 1
        problems = _taps.problems
    try:
        yield problems
    finally:
        with _taps.lock:
            _taps.users -= 1
            if not _taps.users:
                _taps.undo.close()


def _install(undo: ExitStack, problems: dict[str, None]) -> None:
    seen: set[tuple[type, str]] = set()  # a class may stand under two names: httpx2 can pose as httpx

    def watch(module: ModuleType) -> None:
        for tap in TAPS:
            if tap.module != module.__name__:
                continue
            if sentence := problem(tap, module):
                problems[sentence] = None
                continue
            for owner, attribute, function in tap.patches(module):
                if (owner, attribute) not in seen:
                    seen.add((owner, attribute))
                    undo.callback(_patch(owner, attribute, function))

    undo.enter_context(on_import({tap.module for tap in TAPS}, watch))


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
