"""What is recorded and not saved yet: a file beside the cassette, a line an exchange. Its lock is the cassette's.

It is there while a cassette may be written, and goes when that was saved or given up. One that stays behind is of a
process that died; whoever opens the cassette next takes over what is in it.

    .test_agent.yaml.journal:
        {"journal": 1, "pid": 4711, "worker": "gw1", "mode": "once"}
        {"serial": 3, "request": {"method": ..., "uri": ..., "body": ..., "headers": ...}, "response": {...}}

Bytes stand as {"base64_string": ...}. A line that does not end was being written when the process died.
"""

from __future__ import annotations

import json
import os
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple

from pytest_agentperf.record.mode import CassetteError, RecordMode

PATIENCE_S = 120.0
"""How long one writer waits for another: an LLM agent takes its time."""
_POLL_S = 0.01
_VERSION = 1
_LONGEST_NAME = 255


class Left(NamedTuple):
    """A finished exchange that a process which died left behind."""

    request: dict[str, Any]
    response: dict[str, Any]
    mode: str
    pid: int


class Journal:
    """Open from `claim` to `close`; in between this process alone writes the cassette."""

    def __init__(self, path: Path, descriptor: int, made: Sequence[Path] = ()) -> None:
        self._path = path
        self._descriptor = descriptor
        self._made = made
        """Folders that are there for its sake."""
        with path.open("rb") as file:
            self.left = tuple(_read(file.read()))
            """What was in it, in the order of requests."""

    def begin(self, mode: str) -> None:
        """What follows is recorded by this process."""
        self._write({"journal": _VERSION, **_me(), "mode": mode})

    def add(self, serial: int, request: dict[str, Any], response: dict[str, Any]) -> None:
        """Keep an exchange; it survives this process from now on. `serial` orders requests by their starts."""
        self._write({"serial": serial, "request": request, "response": response})

    def close(self, *, keep: bool = False) -> None:
        """Let others write. The file goes, unless it is all that there is: `keep`."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        if not keep and os.name != "nt":
            self._path.unlink(missing_ok=True)  # while it is locked: who waits for it finds out
        _unlock(descriptor)
        os.close(descriptor)
        if keep:
            return
        with suppress(OSError):  # somebody else has it now
            if os.name == "nt":
                self._path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty
            for folder in self._made:
                folder.rmdir()

    def _write(self, line: dict[str, Any]) -> None:
        data = f"\n{json.dumps(line, default=_encoded)}\n".encode()  # on a line of its own, whatever was cut before
        while data:
            data = data[os.write(self._descriptor, data) :]


def place(cassette: str) -> Path:
    """Where the journal of a cassette stands."""
    target = Path(os.path.realpath(cassette))
    name = f".{target.name}.journal"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{md5(name.encode(), usedforsecurity=False).hexdigest()}.journal"
    return target.with_name(name)


def claim(cassette: str) -> Journal:
    """Become the one writer of a cassette, after whoever writes it now.

    Raises CassetteError where that takes longer than `PATIENCE_S`, or would take for ever; OSError where nothing can be
    written here.
    """
    path = place(cassette)
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    deadline = time.monotonic() + PATIENCE_S
    while (descriptor := _open(path, os.O_CREAT)) is None:
        holder = _holder(path)
        if holder.get("pid") == os.getpid() or time.monotonic() >= deadline:
            raise CassetteError(_busy(cassette, holder))
        time.sleep(_POLL_S)
    return Journal(path, descriptor, made)


def left_behind(cassette: str) -> Journal | None:
    """What a dead process left of a cassette; None where there is nothing, or its writer lives."""
    path = place(cassette)
    descriptor = _open(path) if path.exists() else None
    return None if descriptor is None else Journal(path, descriptor)


def _open(path: Path, flags: int = 0) -> int | None:
    """A descriptor of the file, locked; None where another has the lock or took the file away."""
    if flags & os.O_CREAT:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, flags | os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    except FileNotFoundError:
        return None
    try:
        if _lock(descriptor) and _is_still(path, descriptor):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _busy(cassette: str, holder: dict[str, Any]) -> str:
    pid, worker = holder.get("pid"), holder.get("worker")
    if pid == os.getpid():
        return (
            f"{cassette}: it is being recorded in this process already, and two recordings of one file at a time would "
            "lose one of them. Open it once, or record into two files."
        )
    who = f"process {pid}" + (f" (xdist worker {worker})" if worker else "") if pid else "another process"
    return (
        f"{cassette}: {who} has been recording it for {PATIENCE_S:.0f} seconds, and two recordings of one file at a time "
        "would lose one of them. Record without -n, or into one file a test."
    )


def _me() -> dict[str, Any]:
    return {"pid": os.getpid(), "worker": os.environ.get("PYTEST_XDIST_WORKER", "")}


def _holder(path: Path) -> dict[str, Any]:
    """Who wrote the last header; nothing where there is none yet."""
    with suppress(OSError):
        lines = [line for line in _lines(path.read_bytes()) if "journal" in line]
        return lines[-1] if lines else {}
    return {}


def _read(data: bytes) -> Iterator[Left]:
    """The exchanges in a journal; those of each recording in the order in which its requests started."""
    header: dict[str, Any] = {}
    batch: list[dict[str, Any]] = []
    for line in (*_lines(data), {"journal": None}):
        if "journal" not in line:
            batch.append(line)
            continue
        for item in sorted(batch, key=lambda item: item["serial"]):
            yield Left(item["request"], item["response"], header.get("mode", RecordMode.NEW), header.get("pid", 0))
        header, batch = line, []


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n")[:-1]:
        with suppress(ValueError):  # cut
            value = json.loads(line, object_hook=_decoded)
            if isinstance(value, dict) and ("journal" in value or {"serial", "request", "response"} <= value.keys()):
                yield value


def _encoded(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return {"base64_string": b64encode(value).decode()}
    return str(value)


def _decoded(value: dict[str, Any]) -> Any:
    return b64decode(value["base64_string"]) if value.keys() == {"base64_string"} else value


_lock: Callable[[int], bool]
_unlock: Callable[[int], None]

if sys.platform == "win32":
    import msvcrt

    def _region(descriptor: int, how: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # beyond what is read: Windows locks keep readers out
        msvcrt.locking(descriptor, how, 1)

    def _lock(descriptor: int) -> bool:
        try:
            _region(descriptor, msvcrt.LK_NBLCK)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        _region(descriptor, msvcrt.LK_UNLCK)

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
