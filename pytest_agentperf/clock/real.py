"""Blocking waits for something real that we recognise: child processes and sockets. They count at their real duration.

Servers are the exception: who listens, or reads from a connection that it accepted, waits for a client, and it is the
client's wait that counts.
"""

from __future__ import annotations

import functools
import os
import select
import selectors
import socket
import ssl
import subprocess
import weakref
from collections.abc import Callable, Collection
from typing import Any

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.kernel import Clock
from pytest_agentperf.clock.parts import Waiter, get_ident

Function = Callable[..., Any]

_accepted: weakref.WeakSet[socket.socket] = weakref.WeakSet()


class _ServerWaiter(Waiter):
    """The thread blocks in `call` until something outside of the bubble ends it, or its own real time-out."""

    __slots__ = ("_call", "result")

    def __init__(self, call: Callable[[], Any], inputs: Collection[int]) -> None:
        super().__init__()
        self.inputs = inputs
        self._call = call
        self.result: Any = None

    def arm(self) -> None:
        pass

    def block(self, timeout: float = -1) -> None:
        self.result = self._call()

    def kick(self) -> None:
        pass


def _serve(clock: Clock, inputs: Collection[int], call: Callable[[], Any]) -> Any:
    waiter = _ServerWaiter(call, inputs)
    clock.wait(waiter, None)
    return waiter.result


def foreign_select(clock: Clock, selector: selectors.BaseSelector, original: Function, timeout: float | None) -> Any:
    """`select` on a selector that is not an asyncio loop's."""
    keys = selector.get_map().values()
    if keys and all(_listens(key.fileobj) for key in keys):
        return _serve(clock, [key.fd for key in keys], lambda: original(selector, timeout))
    with clock.real_section():
        return original(selector, timeout)


def _listens(file: Any) -> bool:
    sock = getattr(file, "socket", file)  # a socketserver registers itself
    return isinstance(sock, socket.socket) and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _accept(original: Function) -> Function:
    @functools.wraps(original)
    def accept(self: socket.socket) -> Any:
        clock = kernel.current()
        if clock is None:
            return original(self)
        connection, address = (
            original(self) if self.gettimeout() == 0 else _serve(clock, [self.fileno()], lambda: original(self))
        )
        _accepted.add(connection)
        return connection, address

    return accept


def _socket_call(original: Function) -> Function:
    @functools.wraps(original)
    def call(self: socket.socket, *args: Any, **kwargs: Any) -> Any:
        clock = kernel.current()
        if clock is None or self.gettimeout() == 0:
            return original(self, *args, **kwargs)
        if self in _accepted or getattr(self, "server_side", False):
            return _serve(clock, [self.fileno()], lambda: original(self, *args, **kwargs))
        with clock.real_section():
            return original(self, *args, **kwargs)

    return call


def _real(original: Function, blocks: Callable[..., bool] = lambda *args, **kwargs: True) -> Function:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        clock = kernel.current()
        if clock is None or not blocks(*args, **kwargs):
            return original(*args, **kwargs)
        with clock.real_section():
            return original(*args, **kwargs)

    return call


def _polling(original: Function, finds_nothing: Callable[[Any], bool]) -> Function:
    """`original` looks whether a child has ended, without a wait."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        clock = kernel.current()
        if clock is not None:
            clock.members[get_ident()].polls = finds_nothing(result)
        return result

    return call


FUNCTIONS: dict[Function, Function] = {
    select.select: _real(select.select, lambda r, w, x, timeout=None: timeout != 0),
    socket.getaddrinfo: _real(socket.getaddrinfo),
    os.system: _real(os.system),
}
if hasattr(os, "waitpid"):
    FUNCTIONS[os.waitpid] = _polling(
        _real(os.waitpid, lambda pid, options: not options & getattr(os, "WNOHANG", 0)), lambda result: result == (0, 0)
    )

METHODS = [
    (socket.socket, "accept", _accept(socket.socket.accept)),
    *(
        (owner, name, _socket_call(getattr(owner, name)))
        for owner, names in (
            (socket.socket, "recv recv_into recvfrom recvfrom_into recvmsg send sendall connect connect_ex"),
            (ssl.SSLSocket, "recv recv_into send sendall read write do_handshake"),
        )
        for name in names.split()
        if hasattr(owner, name)
    ),
    (subprocess.Popen, "poll", _polling(subprocess.Popen.poll, lambda result: result is None)),
    *((subprocess.Popen, name, _real(getattr(subprocess.Popen, name))) for name in ("wait", "communicate")),
]
