"""Where threads and tasks are, for people."""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
import threading
from collections.abc import Iterable
from types import FrameType
from typing import Any

from pytest_agentperf.clock.kernel import Clock

_OURS = os.path.dirname(__file__)
_STDLIB = sysconfig.get_path("stdlib")


def position(ident: int) -> str:
    """Where the user's code in this thread is: `file:line in function`."""
    frame = sys._current_frames().get(ident)
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return _first_of_user(frames)


def _first_of_user(frames: list[FrameType]) -> str:
    """The innermost frame of the user's code; `frames` start with the innermost."""
    if not frames:
        return "an unknown place"
    frame = next((f for f in frames if _is_user_code(f.f_code.co_filename)), frames[0])
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"


def _is_user_code(path: str) -> bool:
    if path.startswith((_OURS, "<frozen")):
        return False
    return "site-packages" in path or not path.startswith(_STDLIB)


def deadlock(clock: Clock, running_loops: Iterable[asyncio.AbstractEventLoop]) -> str:
    lines = ["all threads wait and none of them can wake another:"]
    for member in clock.members.values():
        thread = threading._active.get(member.ident)  # type: ignore[attr-defined]
        lines.append(f"{getattr(thread, 'name', member.ident)} waits at {position(member.ident)}")
    for loop in running_loops:
        lines += [f"{task.get_name()} waits at {_task_position(task)}" for task in asyncio.all_tasks(loop)]
    lines.append("If something outside was to end such a wait, wait for it in `with real_io():`.")
    return "\n  ".join(lines)


def _task_position(task: asyncio.Task[Any]) -> str:
    frames: list[FrameType] = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None:
            frames.insert(0, frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return _first_of_user(frames)
