from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_agentperf.record.cassette import use_cassette
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed


@pytest.fixture(params=["httpx", "httpx2"])
def stack(request: pytest.FixtureRequest) -> ModuleType:
    """A module that the taps know."""
    try:
        return importlib.import_module(request.param)
    except ImportError:
        pytest.skip(f"{request.param} is not installed")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Open, with the taps in; no bug of ours may be left in it."""
    with installed(), Recorder() as recorder:
        yield recorder
    assert recorder.bugs == []


@pytest.fixture
def cassette(tmp_path: Path) -> Callable[..., AbstractContextManager[Any]]:
    """`cassette("once")` opens the test's cassette `tape.yaml`; keywords are vcr_config."""

    def use(mode: str, name: str = "tape", extra_paths: tuple[str, ...] = (), **config: Any) -> Any:
        return use_cassette(str(tmp_path / name), record_mode=mode, vcr_config=config, extra_paths=extra_paths)

    return use


class FakeClock:
    """Stands still, and jumps where somebody sleeps."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000
        self.sleeps: list[float] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now_ns += round(seconds * 1e9)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr("asyncio.sleep", clock.sleep_async)
    return clock
