"""Where threads and tasks are, for people."""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
import threading
from collections.abc import Collection, Iterable, Iterator
from types import FrameType
from typing import Any

from pytest_agentperf.clock import loops
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.parts import Member

_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_STDLIB = sysconfig.get_path("stdlib")


def places(members: Collection[Member], others: Iterable[Member]) -> list[str]:
    """Where the user's code in these members is, or in the others where these run none; tasks of event loops included."""
    found = {frame for member in members for stack in _stacks(member) if (frame := _user_frame(stack))}
    found = found or {frame for member in others for stack in _stacks(member) if (frame := _user_frame(stack))}
    return sorted(map(_told, found)) or ["an unknown place"]


def deadlock(clock: Clock, running_loops: Iterable[asyncio.AbstractEventLoop]) -> str:
    lines = ["all threads wait and none of them can wake another:"]
    for member in clock.members.values():
        thread = threading._active.get(member.ident)  # type: ignore[attr-defined]
        lines.append(f"{getattr(thread, 'name', member.ident)} waits at {_position(_thread_stack(member.ident))}")
    for loop in running_loops:
        lines += [f"{task.get_name()} waits at {_position(_task_stack(task))}" for task in asyncio.all_tasks(loop)]
    lines.append("If something outside was to end such a wait, wait for it in `with real_io():`.")
    return "\n  ".join(lines)


def _stacks(member: Member) -> Iterator[list[FrameType]]:
    """Each starts with the innermost frame."""
    tasks = [task for loop in loops.waiting_loops(member.ident) for task in asyncio.all_tasks(loop)]
    yield from map(_task_stack, tasks)
    if not tasks:
        yield _thread_stack(member.ident)


def _thread_stack(ident: int) -> list[FrameType]:
    frame = sys._current_frames().get(ident)
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _task_stack(task: asyncio.Task[Any]) -> list[FrameType]:
    frames: list[FrameType] = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None:
            frames.insert(0, frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return frames


def _position(stack: list[FrameType]) -> str:
    frame = _user_frame(stack) or next(iter(stack), None)
    return "an unknown place" if frame is None else _told(frame)


def _user_frame(stack: list[FrameType]) -> FrameType | None:
    return next((frame for frame in stack if _is_user_code(frame.f_code.co_filename)), None)


def _is_user_code(path: str) -> bool:
    if path.startswith((_OURS, "<frozen")):
        return False
    return "site-packages" in path or not path.startswith(_STDLIB)


def _told(frame: FrameType) -> str:
    """With a path from the working directory where it is inside, so that it is the same on every machine."""
    path = frame.f_code.co_filename.removeprefix(os.getcwd() + os.sep)
    return f"{path}:{frame.f_lineno} in {frame.f_code.co_name}"
