"""The HTTP stacks that are tapped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

from pytest_agentperf.record import closed
from pytest_agentperf.record.taps import aiohttp, http_client, httpx, mocked, urllib3
from pytest_agentperf.record.taps.tap import Tap

TAPS: tuple[Tap, ...] = (*httpx.TAPS, *urllib3.TAPS, *aiohttp.TAPS, *http_client.TAPS, *mocked.TAPS, *closed.TAPS)


def loaded() -> Iterator[tuple[Tap, ModuleType, str]]:
    """Each tap whose library is loaded, with a sentence where the inside of that is not what the tap knows."""
    for tap in TAPS:
        module = sys.modules.get(tap.module)
        if module is not None:
            yield tap, module, problem(tap, module)


def problem(tap: Tap, module: ModuleType) -> str:
    absent = tap.missing(module)
    if not absent:
        return ""
    version = getattr(module, "__version__", sys.version.partition(" ")[0])
    return f"{tap.module} {version} has no {absent}: {tap.lost}"
