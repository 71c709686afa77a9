"""The exchanges of one test: under way, then read."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.model.exchange import Exchange
from pytest_agentperf.model.recording import Reading
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.tools.open_calls import ASKS, LONGEST_ASK, OpenCalls


class _Flight(NamedTuple):
    place: int
    """In the order of starts, from 0."""
    span: int | None
    """The innermost span around its start."""


class Flights:
    """`lock` is the recorder's; `open_calls`, if any, hears what answers ask for."""

    def __init__(self, lock: threading.RLock, open_calls: OpenCalls | None) -> None:
        self.zero_ns = 0
        """Of the clock that `time.monotonic_ns` reads: when the recording's reads 0."""
        self._lock = lock
        self._open_calls = open_calls
        self._under_way: dict[Pending, _Flight] = {}
        self._readings: dict[int, Reading] = {}
        self._started = 0

    def start(self, pending: Pending, span: int | None) -> None:
        with self._lock:
            self._under_way[pending] = _Flight(self._started, span)
            self._started += 1
            pending.done.append(self._landed)
            if self._open_calls is not None:
                pending.heard = partial(self._heard, pending, self._open_calls)

    def drop(self, pending: Pending) -> None:
        """A call that was refused is none."""
        with self._lock:
            self._under_way.pop(pending, None)

    def end_all(self) -> None:
        """What is still under way outlives the test."""
        for pending in tuple(self._under_way):
            self._keep(pending, self._left_behind(pending))

    def so_far(self) -> list[Reading]:
        """In the order of starts. A call in flight has neither status nor error nor end, unless all of its answer is there."""
        with self._lock:
            readings = dict(self._readings)
            for pending, flight in self._under_way.items():
                if reading := self._read_early(pending):
                    readings[flight.place] = reading
            return [readings[index] for index in sorted(readings)]

    def llm_call(self, pending: Pending) -> int | None:
        """The place of one under way among the LLM calls so far, from 1; None: it is none of them."""
        with self._lock:
            own = self._under_way[pending].place if pending in self._under_way else None
            indices = [reading.call.index for reading in self.so_far()]
        return sum(index <= own for index in indices) if own is not None and own in indices else None

    def exchange(self, pending: Pending, *, partial: bool = False) -> Exchange:
        """What is known of one under way; its answer only once it has ended, or `partial`."""
        place, span = self._under_way[pending]
        return pending.exchange(index=place, zero_ns=self.zero_ns, span=span, partial=partial)

    def _heard(self, pending: Pending, open_calls: OpenCalls, size: int) -> None:
        """Who runs tools does not always read the stream to its end before: what it asks for is read where it is told.

        These few streams are decoded twice, for usage may come yet.
        """
        if not ASKS.search(pending.body, max(0, len(pending.body) - size - LONGEST_ASK)):
            return
        with self._lock:
            exchange = self.exchange(pending, partial=True) if pending in self._under_way else None
        if exchange is not None and (reading := decode(exchange)):
            open_calls.answered(reading.call)

    def _landed(self, pending: Pending) -> None:
        with self._lock:
            exchange = self.exchange(pending) if pending in self._under_way else None
        if exchange is not None:
            self._keep(pending, exchange)

    def _read_early(self, pending: Pending) -> Reading | None:
        """A client may have all of an answer and not close it, till long after (LiteLLM's streams from Anthropic)."""
        if pending.chunks:
            whole = decode(self._left_behind(pending))
            if whole is not None and whole.call.usage is not None and whole.call.error is None:
                return whole
        return decode(self.exchange(pending))

    def _left_behind(self, pending: Pending) -> Exchange:
        """A call that outlives the test: an answer that nobody reads on ended with its last chunk."""
        exchange = self.exchange(pending, partial=True)
        if exchange.response is None:
            return replace(exchange, error=exchange.error or "the test ended before the answer came")
        if exchange.end_ns is None and exchange.chunks and pending.end_known:
            return replace(exchange, end_ns=exchange.chunks[-1].at_ns)
        return exchange

    def _keep(self, pending: Pending, exchange: Exchange) -> None:
        """Decoded here, once."""
        reading = decode(exchange)
        with self._lock:
            self._under_way.pop(pending, None)
            if reading is not None:
                self._readings[exchange.index] = reading
        if reading is not None and self._open_calls is not None:
            self._open_calls.answered(reading.call)
