"""Whether tool calls that could run at once had better not: a guess from what they say of themselves."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pytest_agentperf.model.call import ToolCall

_SESSION = re.compile(
    r"(^|[_\W])(bash|shell|terminal|console|browser|repl|python|ipython|notebook|jupyter)($|[_\W])", re.IGNORECASE
)
"""Tools that talk to one thing with a memory."""
_READS = re.compile(
    r"(^|[_\W])(read|get|list|ls|search|find|grep|glob|view|cat|fetch|look_?up|query|show|open)($|[_\W])", re.IGNORECASE
)
_PATH = re.compile(r"path|file|dir|folder|document|table|key$", re.IGNORECASE)


def shared_state(calls: Sequence[ToolCall]) -> str:
    """A clause that says what the calls may share (`two of them write notes.md`); empty where nothing points to it."""
    sessions = Counter(call.name for call in calls if _SESSION.search(call.name))
    for name, count in sessions.items():
        if count > 1:
            return f"the calls of {name} may share one session"
    writes = Counter(path for call in calls if not _READS.search(call.name) for path in set(_paths(call)))
    return next((f"{count} of the calls may write {path}" for path, count in writes.items() if count > 1), "")


def _paths(call: ToolCall) -> Iterator[str]:
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return
    for name, value in arguments.items() if isinstance(arguments, dict) else ():
        if isinstance(value, str) and value and _PATH.search(name):
            yield value
