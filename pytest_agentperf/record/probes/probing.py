"""All probes, for as long as a test's body runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_agentperf.clock import kernel
from pytest_agentperf.clock.patching import restore_attributes, set_attributes
from pytest_agentperf.record.probes import audit, clients, locks, loops, probe
from pytest_agentperf.record.probes.probe import Probe
from pytest_agentperf.record.recorder import Recorder


@contextmanager
def probing(recorder: Recorder, *, audits: bool = False) -> Iterator[None]:
    """Let the recorder, which is open, see what the program does besides its calls. Leaves nothing behind, but with `audits`
    (files, processes, imports) an audit hook that does nothing outside.
    """
    outer, probe.active = probe.active, Probe(recorder.zero_ns)
    recorder.probe = probe.active
    attributes = [*locks.ATTRIBUTES, *loops.ATTRIBUTES, *clients.attributes(), *(audit.ATTRIBUTES if audits else [])]
    before = set_attributes(attributes) if outer is None else []
    outer_audit = audit.active
    if audits:
        audit.install()
        audit.active = recorder.probe.audit = audit.Audit()
    watch = loops.Watch() if kernel.active is None else None
    if watch is not None:
        watch.start()
    try:
        yield
    finally:
        if watch is not None:
            watch.stop()
        restore_attributes(before)
        if outer is None:
            loops.forget()
        probe.active, audit.active = outer, outer_audit
