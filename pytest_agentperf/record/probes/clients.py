"""HTTP clients that are made while a test's body runs; each has connections of its own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any

from pytest_agentperf.clock.patching import Attribute
from pytest_agentperf.record.probes import probe
from pytest_agentperf.record.probes.place import here

_CLIENTS = (
    ("httpx", ("Client", "AsyncClient")),
    ("httpx2", ("Client", "AsyncClient")),
    ("aiohttp", ("ClientSession",)),
    ("requests", ("Session",)),
    ("urllib3", ("PoolManager",)),
)


def attributes() -> Iterator[Attribute]:
    """Of the libraries that are loaded."""
    for module, names in _CLIENTS:
        for name in names if module in sys.modules else ():
            client = getattr(sys.modules[module], name, None)
            if client is not None:
                yield client, "__init__", _told(client.__init__)


def _told(original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        seeing = probe.active
        if seeing is not None and (at := here().where):
            seeing.made_client(at)
        original(self, *args, **kwargs)

    return __init__
