"""The HTTP stacks that are tapped."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Protocol

from pytest_agentperf.record.taps import aiohttp, http_client, httpx, urllib3
from pytest_agentperf.record.taps.around import Patch


class Tap(Protocol):
    """A module of this package. Taps import the library that they are for only where it is loaded already."""

    STUBS: Mapping[str, tuple[str, ...]]
    """The library's modules, and which patchers of vcrpy the tap stands in for."""

    def missing(self, module: ModuleType, /) -> str:
        """What the tap needs and this version of the library has not; empty: it has all."""

    def patches(self, module: ModuleType, /, *, local: bool) -> Iterator[Patch]:
        """Its methods with a tap around them. `local`: also what is answered inside the process."""


TAPS: tuple[Tap, ...] = (httpx, urllib3, aiohttp, http_client)

BY_MODULE: Mapping[str, Tap] = {name: tap for tap in TAPS for name in tap.STUBS}


def usable() -> Iterator[tuple[str, ModuleType]]:
    """The libraries, by their names in BY_MODULE, that are loaded and can be tapped."""
    for name, tap in BY_MODULE.items():
        module = sys.modules.get(name)
        if module is not None and not tap.missing(module):
            yield name, module


def unusable() -> Iterator[str]:
    """A sentence for each loaded library whose inside is not what its tap knows."""
    for name, tap in BY_MODULE.items():
        module = sys.modules.get(name)
        if module is not None and (absent := tap.missing(module)):
            version = getattr(module, "__version__", "of unknown version")
            yield f"{name} {version} has no {absent}: its streams are read whole and its times are off, if it is seen at all"
