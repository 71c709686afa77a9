"""What probes saw of the program itself while a test ran: what traffic and spans do not tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An event loop that could not go on, because one of its callbacks did not return: nothing else ran meanwhile."""

    start_ns: int
    end_ns: int
    thread: int
    task: int | None = None
    """Whose step it was, numbered as `Span.task`; None: a plain callback."""
    where: str = ""
    """`path:line` of the agent's own code, the deepest frame of it that was seen; empty where none was."""
    doing: str = ""
    """The function that did not return, as `module.name`, outermost behind `where`; empty where unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockWait:
    """A wait for a lock or a semaphore."""

    start_ns: int
    end_ns: int
    thread: int
    task: int | None = None
    call: int | None = None
    """Of the tool that it is inside of, as `Span.call`."""
    call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUse:
    """A file of the agent's, not of a library's, that was opened several times."""

    path: str
    """From the working directory where it is inside."""
    reads: int = 0
    """Times that it was read without being written in between: of one version, the one that was read most."""
    writes: int = 0
    """Times that it was written anew; appending is none."""
    written: int = 0
    """Bytes of all those versions, as far as they could be seen: the last ones are not."""
    grew: int = 0
    """How many of the versions were larger than the one before."""
    where: str = ""
    """`path:line` of the agent's code that opened it for the third time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """A child process."""

    program: str
    """Name of the file, without its folder."""
    python: bool = False
    """It is a Python interpreter."""
    times: int = 1
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A module that was imported for the first time, with all that it imports."""

    module: str
    took_ns: int
    """Of processor time, whatever the recording's clock."""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An HTTP client that the agent, or an SDK for it, has made."""

    at_ns: int
    where: str
    """`path:line` of the agent's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Times are nanoseconds on the recording's clock, threads and tasks numbered as in the spans."""

    blocks: tuple[Block, ...] = ()
    """In the order of starts, as the rest."""
    lock_waits: tuple[LockWait, ...] = ()
    clients: tuple[Client, ...] = ()
    files: tuple[FileUse, ...] = ()
    """In the order of first uses; of those used three times or more."""
    spawns: tuple[Spawn, ...] = ()
    """By program and place, in the order of first starts."""
    imports: tuple[Import, ...] = ()
    """Of 20 ms and more, in order."""
