"""Where in the agent's own code something happens."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FrameType
from typing import NamedTuple

OURS = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep
_LIBRARIES = (*{os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")}, "<frozen")
_INSTALLED = f"{os.sep}site-packages{os.sep}"


_STAND_INS = {"pytest_agentperf.clock.times": "time", "pytest_agentperf.clock.locks": "threading"}
"""What our functions are in the place of."""


class Place(NamedTuple):
    where: str
    """`path:line`, from the working directory where it is inside; empty where no code of the agent is on the stack."""
    doing: str
    """The function that was called there, `module.name`; empty where that is not known."""


def place(frame: FrameType | None) -> Place:
    """The innermost frame of code that is neither installed nor ours, and what it called."""
    inner = None
    while frame is not None and not is_own(frame.f_code.co_filename):
        if not frame.f_code.co_filename.startswith(OURS) or frame.f_globals.get("__name__") in _STAND_INS:
            inner = frame
        frame = frame.f_back
    if frame is None:
        return Place("", "")
    path = frame.f_code.co_filename.removeprefix(os.getcwd() + os.sep)
    return Place(f"{path}:{frame.f_lineno}", _name(inner) if inner is not None else "")


def _name(frame: FrameType) -> str:
    module = str(frame.f_globals.get("__name__", "?"))
    return f"{_STAND_INS.get(module, module)}.{frame.f_code.co_qualname}"


def here(depth: int = 1) -> Place:
    """Of the caller's caller, or further up."""
    return place(sys._getframe(depth + 1))


def is_own(path: str) -> bool:
    """Whether a file is the agent's, or its tests'."""
    return not (path.startswith(_LIBRARIES) or _INSTALLED in path or path.startswith(OURS))
