"""When the data of a connection came, where its reader looks later.

A client works between two reads, and what comes meanwhile waits in the system's buffer. Linux tells how long the last of it
has waited (`tcpi_last_data_recv` of `TCP_INFO`, milliseconds, as exact as the kernel's tick); elsewhere, and of all but the
last piece that waited, the time at which it was read is the best that is known.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

_TCP_INFO = getattr(socket, "TCP_INFO", None)
_FIELD = struct.Struct("52x I")  # eight single bytes and eleven numbers before it (linux/tcp.h)
_TICKS_NS = 8_000_000
"""Two ticks of a kernel at 250 Hz: what waited no longer has not waited."""


def waited_ns(sock: Any) -> int:
    """How long ago the last data of a TCP socket came; 0 where that is unknown, or just now."""
    if sock is None or _TCP_INFO is None:
        return 0
    try:
        (milliseconds,) = _FIELD.unpack(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _FIELD.size))
    except (AttributeError, OSError, TypeError, ValueError, struct.error):  # no TCP, closed already, a stand-in
        return 0
    waited: int = milliseconds * 1_000_000
    return waited if waited > _TICKS_NS else 0
