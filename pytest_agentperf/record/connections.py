"""Whether an answer came over a new connection, or one that had answered before."""

from __future__ import annotations

import threading
from typing import Any

from pytest_agentperf.model.exchange import Connection

_known: set[tuple[Any, ...]] = set()
"""Both ends of each connection that has answered. Systems use a port again only when they have been through the others."""
_lock = threading.Lock()


def connection(sock: Any) -> Connection:
    """Asked once an answer, when its headers are there; empty where there is no socket to ask."""
    if sock is None:
        return ""
    try:
        ends = (sock.getsockname(), sock.getpeername())
    except (AttributeError, OSError):
        return ""
    if not ends[0]:  # Unix sockets of clients have no name
        return ""
    with _lock:
        known = ends in _known
        _known.add(ends)
    return "reused" if known else "new"
