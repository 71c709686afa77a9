from __future__ import annotations

import _thread
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from server.provider import FakeProvider

# How long an example takes is the machine's affair. What CI finds must be what the commit changed, so it finds the same
# on each run; new examples are looked for elsewhere, most of all by `tox -m soak`.
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.register_profile("soak", settings.get_profile("suite"), max_examples=2_000, derandomize=False)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No test leaves a recorder to the next one, nor the patches that its bubble needed."""
    start_new_thread = _thread.start_new_thread
    yield
    if _thread.start_new_thread is not start_new_thread:
        sys.modules["pytest_agentperf.clock.bubble"].uninstall()
    assert _thread.start_new_thread is start_new_thread
    recorder = sys.modules.get("pytest_agentperf.record.recorder")
    assert recorder is None or recorder.active() is None
    if (sources := sys.modules.get("pytest_agentperf.record.tools.sources")) is not None:
        sources.stop_watching()


@pytest.fixture(autouse=True)
def quiet_asyncio(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest-asyncio warns of each session whose ini file leaves this open."""
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")
        monkeypatch.setenv("PYTEST_ADDOPTS", "-o asyncio_default_fixture_loop_scope=function")


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """A fake LLM provider on loopback; see `server.provider`."""
    with FakeProvider() as running:
        yield running
