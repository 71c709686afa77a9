"""What real input an asyncio loop waits for, told from the callbacks that its selector holds.

A loop also listens to things that nobody waits for: its own wake-up pipe, servers, idle connections. Time must flow while
an answer is on its way, and must not wait for an idle connection.
"""

from __future__ import annotations

import asyncio
import selectors
import weakref
from asyncio import selector_events, sslproto
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_agentperf.clock import kernel

SocketTransport: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]

GRACE_NS = 250_000_000
"""A connection whose protocol does not tell whether somebody reads counts as idle so long after its last input."""


@dataclass(frozen=True, slots=True)
class Traffic:
    inputs: tuple[int, ...] = ()
    """File descriptors by which something outside may wake the loop."""
    awaited: bool = False
    """Somebody waits for it."""
    look_again_s: float | None = None
    """By then the answer may be another one."""


NONE = Traffic()


class _LastIO:
    """When a connection was used, in real ns."""

    __slots__ = ("read_ns", "written_ns")

    def __init__(self) -> None:
        self.read_ns = self.written_ns = 0


_last_io: weakref.WeakKeyDictionary[Any, _LastIO] = weakref.WeakKeyDictionary()


def awaited_traffic(selector: selectors.BaseSelector) -> Traffic:
    keys = selector.get_map()
    if len(keys) == 1:
        return NONE  # the wake-up pipe
    inputs, quiet_ns = [], 0
    for key in keys.values():
        reader, writer = key.data
        if writer is not None:
            return Traffic(awaited=True)  # it connects, or its peer does not read
        name = getattr(reader._callback, "__name__", "")
        if name == "_read_from_self":
            continue
        inputs.append(key.fd)
        if name == "_accept_connection":
            continue
        until_ns = _awaited_until(getattr(reader._callback, "__self__", None))
        if until_ns is None:
            return Traffic(awaited=True)
        quiet_ns = max(quiet_ns, until_ns)
    left_ns = quiet_ns - kernel.real_monotonic_ns()
    if left_ns > 0:
        return Traffic(awaited=True, look_again_s=left_ns / 1e9)
    return Traffic(inputs=tuple(inputs))


def _awaited_until(owner: Any) -> int | None:
    """Until when (real ns) input on it is waited for. 0: nobody waits; None: it is not known when that ends."""
    if not isinstance(owner, SocketTransport):
        return None  # a pipe, a child process, `loop.sock_recv`, `loop.add_reader`
    if owner._server is not None:
        return 0  # a server: its client waits
    protocol = owner.get_protocol()
    if isinstance(protocol, sslproto.SSLProtocol):
        if protocol._state is not sslproto.SSLProtocolState.WRAPPED:  # type: ignore[attr-defined]
            return None  # it shakes hands
        protocol = protocol._app_protocol
    if type(protocol).__module__.startswith("anyio."):
        return None  # it listens only while somebody reads
    stream_reader = getattr(protocol, "_stream_reader", None)
    if isinstance(stream_reader, asyncio.StreamReader):
        return None if stream_reader._waiter is not None else 0  # type: ignore[attr-defined]
    last = _last_io.get(owner)
    if last is None:
        return 0
    return None if last.written_ns > last.read_ns else last.read_ns + GRACE_NS


def _noting(original: Callable[..., Any], field: str) -> Callable[..., Any]:
    def noted(self: Any, *args: Any) -> Any:
        if kernel.current() is not None:
            setattr(_last_io.setdefault(self, _LastIO()), field, kernel.real_monotonic_ns())
        return original(self, *args)

    return noted


ATTRIBUTES = [
    (SocketTransport, "write", _noting(SocketTransport.write, "written_ns")),
    (SocketTransport, "writelines", _noting(SocketTransport.writelines, "written_ns")),
    (SocketTransport, "_read_ready", _noting(SocketTransport._read_ready, "read_ns")),
]
