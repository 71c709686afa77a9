"""An error of ours as the line that tells of it."""

from __future__ import annotations

from types import TracebackType


def line(error: BaseException) -> str:
    """`pytest_agentperf.record.seam:41: ValueError: what it says`."""
    return f"{_where(error.__traceback__)}: {type(error).__name__}: {' '.join(str(error).split())}"


def _where(traceback: TracebackType | None) -> str:
    """The innermost place in this package, else the innermost at all."""
    place = "?"
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "?")
        if name.startswith("pytest_agentperf.") or not place.startswith("pytest_agentperf."):
            place = f"{name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
