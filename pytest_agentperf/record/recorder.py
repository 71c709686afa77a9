"""What is seen of one test: its LLM calls, spans, numbers and notes. Light: each profiled test imports it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.model import bug
from pytest_agentperf.model.exchange import Exchange, Request, Response
from pytest_agentperf.model.profile import ClockKind, Gauge
from pytest_agentperf.model.recording import Reading, Recording
from pytest_agentperf.model.signal import Signals
from pytest_agentperf.model.span import Source, SpanKind
from pytest_agentperf.record.flights import Flights
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.spans import OpenSpan, Spans, current_task, place
from pytest_agentperf.record.tools.merge import tidy
from pytest_agentperf.record.tools.open_calls import OpenCalls

if TYPE_CHECKING:
    from pytest_agentperf.record.default_latency import Rule
    from pytest_agentperf.record.probes.probe import Probe


class Stop(BaseException):
    """Ends an agent in mid-run. Not an Exception: SDKs retry on those and agents catch them.

    Who raises one passes it through `Recorder.stop`, so that the test fails at its end even if something ate it.
    """


S = TypeVar("S", bound=Stop)

_stack: list[Recorder] = []
_stack_lock = threading.Lock()


def active() -> Recorder | None:
    """The recorder that was opened last and is still open, in whichever thread."""
    try:
        return _stack[-1]
    except IndexError:
        return None


class Recorder:
    """Everything may be called from any thread and task. Times of what it hands out read 0 when it was opened.

    `replay_waits`: replayed answers come when they came in the recording; otherwise all at once. `sees_tools`: the
    sources in `record.tools` may tell of tool runs, and the traffic around them does.
    """

    def __init__(
        self, *, clock: ClockKind = ClockKind.REAL, replay_waits: bool = False, sees_tools: bool = False
    ) -> None:
        self.clock = clock
        self.replay_waits = replay_waits
        self.latency_rules: tuple[Rule, ...] = ()
        """For replayed answers whose times nobody knows."""
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
        self.open_calls = OpenCalls() if sees_tools else None
        self.bugs: list[str] = []
        """Errors of ours that were kept away from the agent, one line each."""
        self._lock = threading.RLock()
        self._notes: dict[str, None] = {}
        self._gauges: dict[str, Gauge] = {}
        self.spans = Spans(self._now, self._lock)
        self._flights = Flights(self._lock, self.open_calls)
        self.probe: Probe | None = None
        """Who sees what the program does besides its calls."""
        self._signals: Signals | None = None
        """What it saw until this was closed."""
        self.peak_memory: int | None = None
        """Bytes, once somebody has measured it."""
        self._zero_cpu_ns = 0
        self._latency_ns = 0
        self._cpu_ns = 0
        self._running = False
        self._outer: tuple[Spans, int | None] | None = None

    def open(self) -> None:
        """Become `active()`, until closed or covered by another."""
        self._outer = place.get()
        place.set((self.spans, None))
        with _stack_lock:
            _stack.append(self)
        self._zero_cpu_ns = time.process_time_ns()
        self._flights.zero_ns = time.monotonic_ns()
        self._running = True

    def close(self) -> None:
        """The test's body is over: what still runs ends now. Does nothing the second time."""
        with self._lock:
            if not self._running:
                return
            self._stamp()
            self._signals = self._seen()
            self._running = False
            with _stack_lock:
                _stack.remove(self)
            place.set(self._outer)
            self.spans.end_all(self._latency_ns)
            self._flights.end_all()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def zero_ns(self) -> int:
        """Of the clock that `time.monotonic_ns` reads: when the recording's reads 0."""
        return self._flights.zero_ns

    def recording(self) -> Recording:
        """What there is so far; of calls in flight see `Flights.so_far`."""
        with self._lock:
            self._stamp()
            now = self._latency_ns
            readings, spans = self._flights.so_far(), self.spans.so_far(now)
            if self.open_calls is not None:
                spans, readings = tidy(spans, readings)
            return Recording(
                clock=self.clock,
                latency_ns=now,
                cpu_ns=self._cpu_ns,
                peak_memory=self.peak_memory,
                readings=tuple(readings),
                spans=tuple(spans),
                signals=self._seen() if self._running else self._signals,
                gauges=tuple(self._gauges.values()),
                unmodelled=self.unmodelled,
                notes=tuple(self._notes),
            )

    def _seen(self) -> Signals | None:
        return self.probe.signals() if self.probe else None

    def stop(self, stop: S) -> S:
        """Remember what is about to be raised: `raise recorder.stop(BudgetExceeded(...))`."""
        with self._lock:
            self.stops.append(stop)
        return stop

    def not_sent(self, pending: Pending) -> None:
        """A call that was refused is none."""
        self._flights.drop(pending)

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
        line = bug.line(error)
        # No lock: what looks at every function may be told of one in the middle of a lock of ours.
        if line not in self.bugs:
            self.bugs.append(line)

    @contextmanager
    def span(self, kind: SpanKind, name: str, metadata: Mapping[str, object] = {}) -> Iterator[int]:
        """Open while the block runs; around awaits too. Gives its id, or 0 where the test's body does not run.

        It is the child of the span around it in this task or thread; see `Spans.innermost` for a thread that has none.
        """
        with self._entered(lambda: self.enter(kind, name, metadata=_texts(metadata))) as span:
            yield span

    @contextmanager
    def tool(
        self, name: str, arguments: Any = None, call_id: str | None = None, metadata: Mapping[str, object] = {}
    ) -> Iterator[int]:
        """The same around an execution of a tool, marked by hand; see `enter_tool`."""
        timed = current_task() is None  # else others may work in its thread meanwhile
        with self._entered(
            lambda: self.enter_tool(name, arguments, call_id, "profiler", timed=timed, metadata=_texts(metadata))
        ) as span:
            yield span

    @contextmanager
    def _entered(self, enter: Callable[[], OpenSpan | None]) -> Iterator[int]:
        entered = None
        try:
            entered = enter()
        except Exception as error:  # noqa: BLE001 - ours, so it must not reach the test
            self.bug(error)
        left_by = None
        try:
            yield entered.span.id if entered else 0
        except BaseException as error:
            left_by = error
            raise
        finally:
            if entered:
                self.spans.leave(entered, left_by)

    def enter(self, kind: SpanKind, name: str, **facts: Any) -> OpenSpan | None:
        """Where a block will not do: begin a span, to be ended by `spans.leave`. None where the test's body does not run."""
        return self.spans.enter(kind, name, **facts) if self._running else None

    def enter_tool(
        self, name: str, arguments: Any, call_id: str | None, source: Source, **facts: Any
    ) -> OpenSpan | None:
        """The same for an execution of a tool: that of the open call which fits best, if any does.

        `arguments`: a mapping, or JSON text, as far as they are known. `facts`: see `Spans.enter`.
        """
        return self.enter(SpanKind.TOOL, name, **self._claim(name, arguments, call_id, source), **facts)

    def saw_tool(
        self, name: str, arguments: Any, call_id: str | None, source: Source, *, lasted_ns: int, error: str | None
    ) -> None:
        """The same for one that is over just now."""
        if self._running:
            self.spans.add(SpanKind.TOOL, name, lasted_ns, error=error, **self._claim(name, arguments, call_id, source))

    def _claim(self, name: str, arguments: Any, call_id: str | None, source: Source) -> dict[str, Any]:
        """Which call a source tells of, as facts of a span."""
        if self.open_calls is None or not self._running:
            return {"source": source}
        around = {(span.call, span.call_id) for span in self.spans.around(SpanKind.TOOL)}
        match = self.open_calls.match(name, arguments, call_id, source, around)
        if match is None:
            return {"source": source}
        match.call.seen_by.add(source)
        return {
            "source": source,
            "call": match.call.key[0],
            "call_id": match.call.key[1],
            "confidence": match.confidence,
        }

    def begin(self, request: Request, peek: Callable[[Request], Response | None] | None = None) -> Pending:
        """A tap is about to send or replay a request; `peek` tells the recorded answer, if there is one.

        Raises the Stop of a gate: then the request must not be sent, and it never was.
        """
        pending = Pending(request, self.bug)
        try:
            if self.open_calls is not None:
                self.open_calls.leaving(request)
            with self._lock:
                if not self._running:
                    return pending
                self._flights.start(pending, self.spans.innermost())
            if self.gates:
                self._ask(self._flights.exchange(pending), peek(request) if peek else None)
            pending.start_ns = time.monotonic_ns()
        except Stop:
            self._flights.drop(pending)
            raise
        except Exception as error:  # noqa: BLE001 - ours, so it must not reach the agent
            self.bug(error)
        return pending

    def open_timers(self) -> tuple[str, ...]:
        """Names of the timers around the caller, innermost first."""
        return tuple(span.name for span in self.spans.around(SpanKind.TIMER))

    def llm_call(self, pending: Pending) -> int | None:
        """The place of a request in flight among the LLM calls of this test, from 1; None: it is none of them."""
        return self._flights.llm_call(pending)

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

    def _stamp(self) -> None:
        """While it runs, latency and CPU time so far; they stay when it is closed."""
        if self._running:
            self._latency_ns = self._now()
            self._cpu_ns = time.process_time_ns() - self._zero_cpu_ns

    def _now(self) -> int:
        return time.monotonic_ns() - self.zero_ns


def _texts(metadata: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, str(value)) for key, value in metadata.items()))
