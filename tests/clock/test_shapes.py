"""Agents of every shape over the taps, in virtual time: to the nanosecond what their provider and their structure make of it."""

import platform

import pytest

from pytest_agentperf.clock.bubble import bubble
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.seam import route
from pytest_agentperf.record.taps.live import installed
from shapes import MS, SHAPES, Nominal

NEEDS = {
    "sdk": "openai",
    "mixed": "openai",
    "anyio": "anyio",
    "trio": "trio",
    "over requests": "requests",
    "over aiohttp": "aiohttp",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name.replace(" ", "-"))
def test_shape_takes_exactly_what_it_would(shape, monkeypatch):
    for start, module in NEEDS.items():
        if shape.name.startswith(start):
            pytest.importorskip(module)
    platform.processor()  # as a session does: SDKs ask once a process, which runs `uname`
    monkeypatch.setattr(route, "player", Nominal())
    with installed(), bubble() as measured, Recorder(replay_waits=True) as recorder:
        shape.run("http://127.0.0.1:9")
    assert recorder.bugs == []
    if shape.real:
        assert measured.elapsed_ns >= shape.ms * MS - 20 * MS
        assert measured.unmodelled
    else:
        assert (measured.elapsed_ns, measured.unmodelled) == (shape.ms * MS, ())
