"""All probes, for as long as a test's body runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.patching import restore_attributes, set_attributes
from pytest_agentperf.record.probes import locks, loops, probe
from pytest_agentperf.record.probes.probe import Probe
from pytest_agentperf.record.recorder import Recorder


@contextmanager
def probing(recorder: Recorder) -> Iterator[None]:
    """Let the recorder, which is open, see what the program does besides its calls. Leaves nothing behind."""
    outer, probe.active = probe.active, Probe(recorder.zero_ns)
    recorder.probe = probe.active
    before = set_attributes([*locks.ATTRIBUTES, *loops.ATTRIBUTES]) if outer is None else []
    watch = loops.Watch() if kernel.active is None else None
    if watch is not None:
        watch.start()
    try:
        yield
    finally:
        if watch is not None:
            watch.stop()
        restore_attributes(before)
        probe.active = outer
