"""What probes have seen while a test ran, and whether they are to look at all."""

from __future__ import annotations

import threading
from operator import attrgetter

from pytest_agentperf.clock import kernel
from pytest_agentperf.model.signal import Block, Client, LockWait, Signals
from pytest_agentperf.record.probes.audit import Audit
from pytest_agentperf.record.spans import current_task, tool_call_here

LEAST_WAIT_NS = 1_000_000
get_ident = threading.get_ident


class Probe:
    """One a test; its methods may be called from any thread. Times of what it keeps read 0 at `zero_ns`."""

    def __init__(self, zero_ns: int) -> None:
        self.zero_ns = zero_ns
        clock = kernel.active
        self.now_ns = kernel.real_monotonic_ns if clock is None else lambda: clock.base_ns + clock.now_ns()
        """The recording's clock; to read it here does not count as polling it."""
        self.blocks: list[Block] = []
        self.lock_waits: list[LockWait] = []
        self.clients: list[Client] = []
        self.audit: Audit | None = None

    def signals(self) -> Signals:
        """Threads and tasks by the identifiers that spans have in a recording."""
        by_start = attrgetter("start_ns")
        return Signals(
            blocks=tuple(sorted(self.blocks, key=by_start)),
            lock_waits=tuple(sorted(self.lock_waits, key=by_start)),
            clients=tuple(self.clients),
            files=self.audit.files() if self.audit else (),
            spawns=self.audit.spawns() if self.audit else (),
            imports=self.audit.imports() if self.audit else (),
        )

    def waited(self, start_ns: int) -> None:
        """The calling task or thread has waited for a lock since then."""
        end_ns = self.now_ns()
        if end_ns - start_ns >= LEAST_WAIT_NS:
            call, call_id = tool_call_here() or (None, None)
            self.lock_waits.append(
                LockWait(
                    start_ns=start_ns - self.zero_ns,
                    end_ns=end_ns - self.zero_ns,
                    thread=get_ident(),
                    task=current_task(),
                    call=call,
                    call_id=call_id,
                )
            )

    def made_client(self, where: str) -> None:
        self.clients.append(Client(at_ns=self.now_ns() - self.zero_ns, where=where))


active: Probe | None = None
"""While a test's body runs."""
