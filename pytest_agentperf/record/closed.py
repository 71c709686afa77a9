"""A replay is closed to the network: a connection that no tap owns is refused where it is made.

Python tells of each through audit events (PEP 578), whoever makes it: websockets, httpcore used directly, raw sockets, name
lookups, in threads and event loops. Extensions that connect by themselves raise no such events: a gRPC channel is refused
when it is made; what is seen of others is that a connection is there, which is noted.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from pytest_agentperf.record.probes.place import place
from pytest_agentperf.record.recorder import Stop, active
from pytest_agentperf.record.seam import is_inside, route
from pytest_agentperf.record.taps.tap import Patch, Tap, around

OPTION = "agentperf_allowed_hosts"

_BY_THEMSELVES = ("curl_cffi", "grpc", "primp", "pycurl", "pyreqwest", "rnet", "uvloop")
"""Extensions that connect without Python, or refuse nothing that Python says."""


class NetworkClosed(Stop):
    """The agent opened a connection that is no part of its recording."""


class Door:
    """What may leave while a cassette is replayed: hosts by name, `*` in it or address, and what its filters leave alone."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = [pattern.lower() for pattern in allowed]
        self._let: set[str] = set()
        """Hosts of requests that are let through, and addresses of hosts that may be reached."""
        self._before = _connections().keys()

    def is_allowed(self, host: str) -> bool:
        """By name."""
        return any(fnmatch.fnmatch(host.lower(), pattern) for pattern in self._allowed)

    def is_open_to(self, host: str) -> bool:
        return host.lower() in self._let or is_here(host.lower()) or self.is_allowed(host)

    def let(self, host: str) -> None:
        self._let.add(host.lower())

    def check(self, host: str, frame: FrameType | None) -> None:
        """Raises NetworkClosed, with the line of the agent's code that led to `frame`."""
        if is_inside():
            self.let(host)  # threads that look names up do not know what they do it for
        elif not self.is_open_to(host):
            where = place(frame).where
            refused = NetworkClosed(
                f"a connection to {host} was refused{f' at {where}' if where else ''}: a replay never reaches the network, and "
                f"no tap owns this connection (a websocket, a raw socket, gRPC, a name lookup, ...)\n"
                f"  to allow it: {OPTION} = {host}"
            )
            recorder = active()
            raise recorder.stop(refused) if recorder else refused

    def bypassed(self) -> Iterator[str]:
        """A sentence where there is a connection that nobody could refuse."""
        now = _connections()
        if more := sorted({now[number] for number in now.keys() - self._before if not self.is_open_to(now[number])}):
            yield (
                f"a connection to {', '.join(more)} was made outside of Python ({', '.join(_loaded())}) during a replay: "
                "such connections cannot be refused, and what went over them is not seen"
            )

    def learn(self, host: str) -> None:
        """The addresses of a host that may be reached may be reached."""
        if host not in self._let and not is_here(host):
            self.let(host)
            with suppress(OSError):
                for *_, address in socket.getaddrinfo(host, None):
                    self.let(str(address[0]))


def is_here(host: str) -> bool:
    """Whether this is the machine that we run on, by a name or an address of its own."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host in ("", "localhost", socket.gethostname().lower()) or host.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def patches() -> Iterator[Patch]:
    """Event loops look names up in threads, where nobody knows for whom."""
    yield around(asyncio.BaseEventLoop, "getaddrinfo", _looking_up)


def _channels(module: ModuleType) -> Iterator[Patch]:
    yield around(module.Channel, "__init__", _opening)


def _looking_up(real: Callable[..., Any]) -> Any:
    async def getaddrinfo(self: Any, host: Any, *args: Any, **kwargs: Any) -> Any:
        if (door := _door()) and (name := _name(host)):
            door.check(name, sys._getframe())
        return await real(self, host, *args, **kwargs)

    return getaddrinfo


def _opening(real: Callable[..., Any]) -> Any:
    def __init__(self: Any, target: str, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if (door := _door()) and (host := _target(target)):
            door.check(host, sys._getframe())
        real(self, target, *args, **kwargs)

    return __init__


def _target(target: str) -> str:
    """The host of a gRPC target (`host:port`, `dns:///host:port`, `ipv4:1.2.3.4:5`); empty for a Unix socket."""
    if target.startswith("unix"):
        return ""
    name = re.sub(r"^(dns|ipv4|ipv6|xds):", "", target).rpartition("/")[2]
    host, port, _ = name.rpartition(":")
    return (host if port else name).strip("[]")


def _door() -> Door | None:
    """Of the cassette that is replayed now."""
    return route.player.door if route.player is not None else None


def _name(host: Any) -> str:
    """A host that has to be looked up; empty: none has."""
    name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
    if not isinstance(name, str):
        return ""
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return name
    return ""


def _peer(sock: socket.socket, address: Any) -> str:
    """The host at the other end; empty where it is on this machine whatever it is called."""
    return str(address[0]) if sock.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple) else ""


_HOSTS: dict[str, Callable[..., str]] = {
    "socket.connect": _peer,
    "socket.sendto": _peer,
    "socket.sendmsg": _peer,
    "socket.getaddrinfo": lambda host, *_: _name(host),
    "socket.gethostbyname": _name,
}
"""Audit events, and whom they are about."""


def _hear(event: str, args: tuple[Any, ...], known: Callable[[str], Any] = _HOSTS.get) -> None:
    """A hook of audit events, which hears some when the interpreter ends and this module's names are gone."""
    host_of = known(event)
    if host_of is None or (door := _door()) is None:
        return
    try:
        host = host_of(*args)
    except Exception:  # noqa: BLE001 - other arguments than we know: not ours to judge
        return
    if host:
        try:
            door.check(host, sys._getframe(1))
        except NetworkClosed:
            if event == "socket.connect":
                args[0].close()  # who asked may do so for errors that it knows only
            raise
        if host_of is not _peer:
            door.learn(host)


TAPS = tuple(
    Tap(
        module=name,
        inside={"Channel.__init__": ("target",)},
        patches=_channels,
        lost="its channels are not refused in a replay",
    )
    for name in ("grpc._channel", "grpc.aio._channel")
)

_listening = False


def watch() -> None:
    """An audit hook stays as long as the process, so there is one."""
    global _listening
    if not _listening:
        _listening = True
        sys.addaudithook(_hear)


def _loaded() -> list[str]:
    return [name for name in _BY_THEMSELVES if name in sys.modules]


def _connections() -> dict[int, str]:
    """Whom this process is connected to, by socket, where the system tells (Linux) and something could hide it."""
    own: set[int] = set()
    found: dict[int, str] = {}
    if not _loaded():
        return found
    with suppress(OSError, ValueError):
        for number in os.listdir("/proc/self/fd"):
            with suppress(OSError):  # the listing's own
                own.add(os.fstat(int(number)).st_ino)
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/self/net/{table}").read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if int(fields[9]) in own and fields[3] in ("01", "02"):  # established, or about to be
                    found[int(fields[9])] = _address(fields[2])
    return found


def _address(field: str) -> str:
    """The kernel's `0100007F:1F90`: each 32 bits in the order of this machine."""
    packed = bytes.fromhex(field.partition(":")[0])
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    return str(ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)))
