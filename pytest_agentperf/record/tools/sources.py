"""All who can tell when a tool runs, for as long as a test's body does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools import wrap


@contextmanager
def watching(recorder: Recorder) -> Iterator[None]:
    """Let every source tell this recorder, which sees tools; what could not be seen is noted at the end."""
    with ExitStack() as sources:
        sources.enter_context(wrap.wrapped())
        yield
    if any(reading.call.tool_calls for reading in recorder.recording().readings):
        for sentence in wrap.unfit():
            recorder.note(sentence)
