"""What is seen of one test: its LLM calls, spans, numbers and notes. Light: each profiled test imports it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.model.exchange import Exchange, Request, Response
from pytest_agentperf.model.profile import ClockKind, Gauge
from pytest_agentperf.model.recording import Reading, Recording
from pytest_agentperf.model.span import Source, Span, SpanKind
from pytest_agentperf.record.pending import Pending


class Stop(BaseException):
    """Ends an agent in mid-run. Not an Exception: SDKs retry on those and agents catch them.

    Who raises one passes it through `Recorder.stop`, so that the test fails at its end even if something ate it.
    """


S = TypeVar("S", bound=Stop)

_stack: list[Recorder] = []
_stack_lock = threading.Lock()

_place: ContextVar[tuple[Recorder, int | None] | None] = ContextVar("agentperf_place", default=None)
"""The recorder that this context belongs to, and the innermost span in it."""


def active() -> Recorder | None:
    """The recorder that was opened last and is still open, in whichever thread."""
    try:
        return _stack[-1]
    except IndexError:
        return None


class Recorder:
    """Everything may be called from any thread and task. Times of what it hands out read 0 when it was opened.

    `replay_waits`: replayed answers come when they came in the recording; otherwise all at once.
    """

    def __init__(self, *, clock: ClockKind = ClockKind.REAL, replay_waits: bool = False) -> None:
        self.clock = clock
        self.replay_waits = replay_waits
        self.nodeid = ""
        """Of the test, for messages."""
        self.gates: list[Callable[[Reading], None]] = []
        """Called with each LLM request before it is sent or replayed; to refuse it they raise a Stop.

        They see the request. In a replay its usage is the recorded one, so that a budget stops it where it stops
        everywhere; else there is none yet.
        """
        self.stops: list[Stop] = []
        """What stopped the agent, in order."""
        self.unmodelled: tuple[str, ...] = ()
        """What took real time on a virtual clock."""
        self.bugs: list[str] = []
        """Errors of ours that were kept away from the agent, one line each."""
        self._lock = threading.RLock()
        self._notes: dict[str, None] = {}
        self._gauges: dict[str, Gauge] = {}
        self._spans: list[Span] = []
        self._open_spans: set[int] = set()
        self._flights: dict[int, tuple[Pending, int | None]] = {}
        self._readings: dict[int, Reading] = {}
        self._started = 0
        self._zero_ns = 0
        self._zero_cpu_ns = 0
        self._latency_ns = 0
        self._cpu_ns = 0
        self._running = False
        self._outer: tuple[Recorder, int | None] | None = None

    def open(self) -> None:
        """Become `active()`, until closed or covered by another."""
        self._outer = _place.get()
        _place.set((self, None))
        with _stack_lock:
            _stack.append(self)
        self._zero_cpu_ns = time.process_time_ns()
        self._zero_ns = time.monotonic_ns()
        self._running = True

    def close(self) -> None:
        """The test's body is over: what still runs ends now. Does nothing the second time."""
        with self._lock:
            if not self._running:
                return
            self._stamp()
            self._running = False
            with _stack_lock:
                _stack.remove(self)
            _place.set(self._outer)
            for span in self._open_spans:
                self._spans[span - 1] = replace(self._spans[span - 1], end_ns=self._latency_ns)
            self._open_spans.clear()
            for index in tuple(self._flights):
                self._keep(index, self._left_behind(index))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def recording(self) -> Recording:
        """What there is so far. A call in flight has neither status nor error nor end."""
        with self._lock:
            self._stamp()
            now = self._latency_ns
            spans = [replace(span, end_ns=now) if span.id in self._open_spans else span for span in self._spans]
            readings = dict(self._readings)
            for index in self._flights:
                reading = decode(self._exchange(index))
                if reading is not None:
                    readings[index] = reading
            return Recording(
                clock=self.clock,
                latency_ns=now,
                cpu_ns=self._cpu_ns,
                readings=tuple(readings[index] for index in sorted(readings)),
                spans=tuple(spans),
                gauges=tuple(self._gauges.values()),
                unmodelled=self.unmodelled,
                notes=tuple(self._notes),
            )

    def stop(self, stop: S) -> S:
        """Remember what is about to be raised: `raise recorder.stop(BudgetExceeded(...))`."""
        with self._lock:
            self.stops.append(stop)
        return stop

    def not_sent(self, pending: Pending) -> None:
        """A call that was refused is none."""
        with self._lock:
            for index in [index for index, flight in self._flights.items() if flight[0] is pending]:
                del self._flights[index]

    def note(self, text: str) -> None:
        """A sentence that the reader of the numbers must know; said once."""
        with self._lock:
            self._notes[text] = None

    def gauge(self, gauge: Gauge) -> None:
        """The last one of a name counts."""
        with self._lock:
            self._gauges[gauge.name] = gauge

    def bug(self, error: BaseException) -> None:
        """An error of ours, to be told at the end and not to the agent."""
        line = f"{_where(error.__traceback__)}: {type(error).__name__}: {error}"
        with self._lock:
            if line not in self.bugs:
                self.bugs.append(line)

    @contextmanager
    def span(
        self, kind: SpanKind, name: str, metadata: Mapping[str, object] = {}, source: Source = "profiler"
    ) -> Iterator[int]:
        """Open while the block runs; around awaits too. Gives its id, or 0 where the test's body does not run.

        It is the child of the span around it in this task or thread; see `_innermost` for a thread that has none.
        """
        outer = _place.get()
        span = self._opened(kind, name, metadata, source)
        if span is None:
            yield 0
            return
        _place.set((self, span.id))
        error = None
        try:
            yield span.id
        except BaseException as left_by:
            error = type(left_by).__name__
            raise
        finally:
            _place.set(outer)  # not `reset`: a fixture may leave the block in another context than it entered it
            with self._lock:
                if span.id in self._open_spans:
                    self._open_spans.remove(span.id)
                    self._spans[span.id - 1] = replace(span, end_ns=self._now(), error=error)

    def _opened(self, kind: SpanKind, name: str, metadata: Mapping[str, object], source: Source) -> Span | None:
        try:
            with self._lock:
                if not self._running:
                    return None
                now = self._now()
                span = Span(
                    id=len(self._spans) + 1,
                    parent=self._innermost(),
                    kind=kind,
                    name=name,
                    start_ns=now,
                    end_ns=now,
                    thread=threading.get_ident(),
                    metadata=tuple(sorted((key, str(value)) for key, value in metadata.items())),
                    source=source,
                )
                self._spans.append(span)
                self._open_spans.add(span.id)
                return span
        except Exception as error:  # noqa: BLE001 - ours, so it must not reach the test
            self.bug(error)
            return None

    def begin(self, request: Request, peek: Callable[[Request], Response | None] | None = None) -> Pending:
        """A tap is about to send or replay a request; `peek` tells the recorded answer, if there is one.

        Raises the Stop of a gate: then the request must not be sent, and it never was.
        """
        pending = Pending(request, self.bug)
        try:
            with self._lock:
                if not self._running:
                    return pending
                index, self._started = self._started, self._started + 1
                self._flights[index] = (pending, self._innermost())
                pending.done.append(partial(self._landed, index))
            if self.gates:
                self._ask(self._exchange(index), peek(request) if peek else None)
            pending.start_ns = time.monotonic_ns()
        except Stop:
            self._flights.pop(index, None)
            raise
        except Exception as error:  # noqa: BLE001 - ours, so it must not reach the agent
            self.bug(error)
        return pending

    def open_timers(self) -> tuple[str, ...]:
        """Names of the timers around the caller, innermost first."""
        with self._lock:
            spans = (self._spans[span - 1] for span in self._upwards(self._innermost()))
            return tuple(span.name for span in spans if span.kind is SpanKind.TIMER and span.id in self._open_spans)

    def llm_call(self, pending: Pending) -> int | None:
        """The place of a request in flight among the LLM calls of this test, from 1; None: it is none of them."""
        own = next((index for index, (flight, _) in tuple(self._flights.items()) if flight is pending), None)
        indices = [reading.call.index for reading in self.recording().readings]
        return sum(index <= own for index in indices) if own is not None and own in indices else None

    def _ask(self, exchange: Exchange, answer: Response | None) -> None:
        reading = decode(exchange)
        if reading is None:
            return
        if answer is not None and (known := decode(replace(exchange, response=answer))):
            reading = replace(reading, call=replace(reading.call, usage=known.call.usage))
        for gate in tuple(self.gates):
            try:
                gate(reading)
            except Stop as stop:
                if stop not in self.stops:
                    self.stop(stop)
                raise
            except Exception as error:  # noqa: BLE001 - the same
                self.bug(error)

    def _exchange(self, index: int, *, partial: bool = False) -> Exchange:
        pending, span = self._flights[index]
        return pending.exchange(index=index, zero_ns=self._zero_ns, span=span, partial=partial)

    def _landed(self, index: int, _: Pending) -> None:
        with self._lock:
            exchange = self._exchange(index) if index in self._flights else None
        if exchange is not None:
            self._keep(index, exchange)

    def _left_behind(self, index: int) -> Exchange:
        """A call that outlives the test: an answer that nobody reads on ended with its last chunk."""
        exchange = self._exchange(index, partial=True)
        if exchange.response is None:
            return replace(exchange, error=exchange.error or "the test ended before the answer came")
        if exchange.end_ns is None and exchange.chunks and self._flights[index][0].end_known:
            return replace(exchange, end_ns=exchange.chunks[-1].at_ns)
        return exchange

    def _keep(self, index: int, exchange: Exchange) -> None:
        """Decoded here, once."""
        reading = decode(exchange)
        with self._lock:
            self._flights.pop(index, None)
            if reading is not None:
                self._readings[index] = reading

    def _stamp(self) -> None:
        """While it runs, latency and CPU time so far; they stay when it is closed."""
        if self._running:
            self._latency_ns = self._now()
            self._cpu_ns = time.process_time_ns() - self._zero_cpu_ns

    def _now(self) -> int:
        return time.monotonic_ns() - self._zero_ns

    def _innermost(self) -> int | None:
        """The innermost open span of this context.

        Thread pools lose the context. There it is the innermost open timer of all threads, if the open timers form one
        chain: then nothing else can be meant.
        """
        place = _place.get()
        if place is not None and place[0] is self:
            return next((span for span in self._upwards(place[1]) if span in self._open_spans), None)
        chain: list[int] = []
        for span in sorted(self._open_spans):
            if self._spans[span - 1].kind is SpanKind.TIMER:
                if chain and chain[-1] not in self._upwards(span):
                    return None
                chain.append(span)
        return chain[-1] if chain else None

    def _upwards(self, span: int | None) -> Iterator[int]:
        while span is not None:
            yield span
            span = self._spans[span - 1].parent


def _where(traceback: TracebackType | None) -> str:
    """The innermost place in this package, else the innermost at all."""
    place = "?"
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "?")
        if name.startswith("pytest_agentperf.") or not place.startswith("pytest_agentperf."):
            place = f"{name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
