"""How much of Python's memory a test holds at most, as tracemalloc sees it. All code is two to ten times as slow meanwhile."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_agentperf.record.recorder import Recorder


@contextmanager
def peak_memory(recorder: Recorder) -> Iterator[None]:
    """At the end the recorder is told the bytes that were held at most, over those at the beginning.

    Tracing that somebody else began goes on afterwards; their peak counts from here.
    """
    ours = not tracemalloc.is_tracing()
    if ours:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    try:
        yield
    finally:
        if tracemalloc.is_tracing():
            _, peak = tracemalloc.get_traced_memory()
            recorder.peak_memory = max(0, peak - before)
            if ours:
                tracemalloc.stop()
        else:
            recorder.note("memory is unknown: tracemalloc was stopped inside of the test")
