"""Files that are opened, processes that are started and modules that are imported, as Python's audit events and its import
statement tell.

An audit hook cannot be removed. Ours is put in with the first test that wants it, and outside of such tests costs the
comparison of a global with None (https://docs.python.org/3/library/audit_events.html).
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time_ns
from types import FrameType
from typing import Any

from pytest_agentperf.clock.patching import Attribute
from pytest_agentperf.model.signal import FileUse, Import, Spawn
from pytest_agentperf.record.probes.place import OURS, is_own, place

_OFTEN = 3
"""Who opens a file that often is looked at once."""
_LEAST_IMPORT_NS = 20_000_000
_SYSTEM = ("/dev/", "/proc/", "/sys/")


@dataclass(slots=True)
class _File:
    reads: int = 0
    """Since it was written last."""
    most_reads: int = 0
    writes: int = 0
    written: int = 0
    grew: int = 0
    size: int = -1
    where: str | None = None
    """None: not looked at yet; empty: it is not the agent that opens it."""

    def changed(self) -> None:
        """Who reads it now reads something new."""
        self.most_reads = max(self.most_reads, self.reads)
        self.reads = 0


class Audit:
    """What was seen since it was made."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._spawns: dict[tuple[str, bool, str], int] = {}
        self._imports: list[Import] = []
        self._importing = threading.local()

    def files(self) -> tuple[FileUse, ...]:
        if not self._files:
            return ()
        here = os.getcwd() + os.sep
        return tuple(
            FileUse(
                path=path.removeprefix(here),
                reads=max(seen.reads, seen.most_reads),
                writes=seen.writes,
                written=seen.written,
                grew=seen.grew,
                where=seen.where,
            )
            for path, seen in tuple(self._files.items())
            if seen.where
        )

    def spawns(self) -> tuple[Spawn, ...]:
        return tuple(
            Spawn(program=program, python=python, times=times, where=where)
            for (program, python, where), times in tuple(self._spawns.items())
        )

    def imports(self) -> tuple[Import, ...]:
        return tuple(self._imports)

    # -- events ----------------------------------------------------------------------------------------------------------

    def opened(self, path: Any, mode: Any, flags: Any) -> None:
        """Any `open` of the process comes through here: first what is cheap."""
        kind = _KINDS.get(mode) or _kind(mode, flags)
        if kind is _READ and (known := self._files.get(path)) is not None and known.where is not None:
            known.reads += 1
            return
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str):  # a descriptor
            return
        if kind is _READ:
            self._seen(path).reads += 1
        elif kind is _WRITE:
            self._written(path, _size(path))
        elif (appended := self._files.get(_whole(path))) is not None:
            appended.changed()

    def renamed(self, source: Any, target: Any, *_: Any) -> None:
        """Who writes safely writes another file first and moves it."""
        if isinstance(source, str) and isinstance(target, str):
            self._written(target, _size(target))

    def started(self, program: Any, arguments: Any, *_: Any) -> None:
        words = arguments if isinstance(arguments, (list, tuple)) else str(arguments).split()
        name = os.path.basename(os.fsdecode(program or (words[0] if words else "?")))
        if name in ("sh", "bash") and len(words) > 2 and str(words[1]) == "-c":  # `shell=True`
            name = os.path.basename((str(words[2]).split() or ["?"])[0])
        frame = _caller()
        where = place(frame).where if _opener_is_agent(frame) else ""
        if where:
            key = (name, name.startswith("python"), where)
            self._spawns[key] = self._spawns.get(key, 0) + 1

    def imported(self, name: str, frame: FrameType | None, load: Callable[[], Any]) -> Any:
        """Time the outermost import of a module that is not there yet."""
        if name in sys.modules or getattr(self._importing, "busy", False) or not name:
            return load()
        self._importing.busy = True
        start_ns = thread_time_ns()
        try:
            return load()
        finally:
            self._importing.busy = False
            took_ns = thread_time_ns() - start_ns
            if took_ns >= _LEAST_IMPORT_NS and _opener_is_agent(frame):
                self._imports.append(Import(module=name, took_ns=took_ns, where=place(frame).where))

    def _written(self, path: str, size: int) -> None:
        """It is about to be written anew; what it holds now was the version before."""
        seen = self._seen(path)
        if seen.writes:
            seen.grew += size > seen.size
            seen.written += max(0, size)
        seen.size = size
        seen.writes += 1
        seen.changed()

    def _seen(self, path: str) -> _File:
        path = _whole(path)
        seen = self._files.get(path)
        if seen is None:
            seen = self._files[path] = _File()
        elif seen.where is None and seen.reads + seen.writes + 1 >= _OFTEN:
            frame = _caller()
            seen.where = place(frame).where if _is_worth_it(path) and _opener_is_agent(frame) else ""
        return seen


_READ, _WRITE, _APPEND = "read", "write", "append"
_KINDS: dict[Any, str] = {}
"""By mode, as `open` was told it; filled as they come."""


def _kind(mode: Any, flags: int) -> str:
    if not isinstance(mode, str):  # `os.open`
        return _WRITE if flags & os.O_TRUNC else _APPEND if flags & (os.O_WRONLY | os.O_CREAT) else _READ
    kind = _KINDS[mode] = _WRITE if "w" in mode or "x" in mode else _APPEND if "a" in mode else _READ
    return kind


def _whole(path: str) -> str:
    """From the root; `abspath` alone takes longer than all the rest."""
    return path if path[:1] == "/" and "/." not in path else os.path.abspath(path)


def _is_worth_it(path: str) -> bool:
    """A file of the agent's that is there: an `open` in vain is told as well, and so is a nameless file in a folder."""
    return is_own(path) and not path.startswith(_SYSTEM) and os.path.isfile(path)


def _caller() -> FrameType | None:
    """Who caused the event: beyond this module."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == _caller.__code__.co_filename:
        frame = frame.f_back
    return frame


def _opener_is_agent(frame: FrameType | None) -> bool:
    """Whether neither this plugin nor the import of a test is what goes on, further in than the agent's own code."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(OURS):
            return False
        if is_own(path):
            return True
        frame = frame.f_back
    return False


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return -1


active: Audit | None = None
_installed = False
_EVENTS: dict[str, Callable[..., None]] = {
    "open": Audit.opened,
    "os.rename": Audit.renamed,
    "subprocess.Popen": Audit.started,
}


def install() -> None:
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if active is not None and event in _EVENTS:
        try:  # noqa: SIM105 - `suppress` costs as much as the rest
            _EVENTS[event](active, *args)
        except Exception:  # noqa: BLE001, S110 - it would come out of the agent's own `open`
            pass


def _import(original: Any) -> Any:
    def __import__(  # noqa: A001, N807 - it stands in for that, down to the names of its parameters
        name: str,
        globals: Any = None,  # noqa: A002
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        seeing = active
        if seeing is None or name in sys.modules:
            return original(name, globals, locals, fromlist, level)
        package = (globals or {}).get("__package__") or ""
        whole = f"{package.rsplit('.', level - 1)[0]}.{name}" if level else name
        return seeing.imported(whole, sys._getframe(1), lambda: original(name, globals, locals, fromlist, level))

    return __import__


def _import_module(original: Any) -> Any:
    def import_module(name: str, package: str | None = None) -> Any:
        seeing = active
        if seeing is None:
            return original(name, package)
        return seeing.imported(name, sys._getframe(1), lambda: original(name, package))

    return import_module


ATTRIBUTES: list[Attribute] = [
    (builtins, "__import__", _import(builtins.__import__)),
    (importlib, "import_module", _import_module(importlib.import_module)),
]
