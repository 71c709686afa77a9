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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Times are nanoseconds on the recording's clock, threads and tasks numbered as in the spans."""

    blocks: tuple[Block, ...] = ()
    """In the order of starts, as the rest."""
    lock_waits: tuple[LockWait, ...] = ()
