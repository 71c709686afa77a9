"""The spans of a recording while they are open: who is inside whom, in which thread and task, since when."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from pytest_agentperf.model.span import Span, SpanKind

place: ContextVar[tuple[Spans, int | None] | None] = ContextVar("agentperf_place", default=None)
"""The recording that this context belongs to, and the innermost span in it."""


@dataclass(frozen=True, slots=True)
class OpenSpan:
    span: Span
    outer: tuple[Spans, int | None] | None
    """The place to go back to."""
    cpu_ns: int | None
    """Of its thread when it began; None where nobody wants to know."""


class Spans:
    """`now`: nanoseconds on the recording's clock. `lock` guards the list; it is the recorder's own."""

    def __init__(self, now: Callable[[], int], lock: Any) -> None:
        self._now = now
        self._lock = lock
        self._spans: list[Span] = []
        self._open: set[int] = set()

    def enter(self, kind: SpanKind, name: str, *, nests: bool = True, timed: bool = False, **facts: Any) -> OpenSpan:
        """Begin one, the child of what is `innermost` here. `nests`: it is around what this context does from now on.

        `timed`: its thread works for it alone, so that its CPU time says something.
        """
        outer = place.get()
        with self._lock:
            span = self._new(kind, name, 0, facts)
            self._open.add(span.id)
        if nests:
            place.set((self, span.id))
        return OpenSpan(span, outer if nests else place.get(), time.thread_time_ns() if timed else None)

    def step_out(self, entered: OpenSpan) -> None:
        """It goes on elsewhere: this context is no longer inside."""
        place.set(entered.outer)

    def step_in(self, entered: OpenSpan) -> OpenSpan:
        """It goes on here, in whichever thread; by `leave` of what this gives it ends."""
        outer = place.get()
        place.set((self, entered.span.id))
        return OpenSpan(entered.span, outer, None)

    def reopen(self, entered: OpenSpan) -> OpenSpan | None:
        """What has ended goes on after all: a second try. None where it has not ended."""
        with self._lock:
            if entered.span.id in self._open:
                return None
            self._open.add(entered.span.id)
        return self.step_in(entered)

    def leave(self, entered: OpenSpan, error: BaseException | None = None, *, ended_ns_ago: int = 0) -> None:
        """End it, in whatever context. Does nothing where it has ended with the recording."""
        span = entered.span
        cpu_ns = None
        if entered.cpu_ns is not None and span.thread == threading.get_ident():
            cpu_ns = time.thread_time_ns() - entered.cpu_ns
        here = place.get()
        if here is not None and here[0] is self and here[1] == span.id:
            place.set(entered.outer)  # not `reset`: a fixture may leave in another context than it entered
        with self._lock:
            if span.id in self._open:
                self._open.remove(span.id)
                self._spans[span.id - 1] = replace(
                    span,
                    end_ns=max(span.start_ns, self._now() - ended_ns_ago),
                    cpu_ns=cpu_ns,
                    error=type(error).__name__ if error else None,
                )

    def add(self, kind: SpanKind, name: str, lasted_ns: int, **facts: Any) -> None:
        """One that has just ended here."""
        with self._lock:
            self._new(kind, name, lasted_ns, facts)

    def _new(self, kind: SpanKind, name: str, lasted_ns: int, facts: dict[str, Any]) -> Span:
        """One that ends now and here; the caller holds the lock."""
        now = self._now()
        span = Span(
            id=len(self._spans) + 1,
            parent=self.innermost(),
            kind=kind,
            name=name,
            start_ns=max(0, now - lasted_ns),
            end_ns=now,
            thread=threading.get_ident(),
            task=current_task(),
            **facts,
        )
        self._spans.append(span)
        return span

    def end_all(self, now_ns: int) -> None:
        for span in self._open:
            self._spans[span - 1] = replace(self._spans[span - 1], end_ns=now_ns)
        self._open.clear()

    def so_far(self, now_ns: int) -> list[Span]:
        return [replace(span, end_ns=now_ns) if span.id in self._open else span for span in self._spans]

    def around(self, kind: SpanKind) -> list[Span]:
        """The open ones of this kind around the caller, innermost first."""
        with self._lock:
            spans = (self._spans[span - 1] for span in self._upwards(self.innermost()))
            return [span for span in spans if span.kind is kind and span.id in self._open]

    def innermost(self) -> int | None:
        """The innermost open span of this context.

        Thread pools lose the context. There it is the innermost open timer of all threads, if the open timers form one
        chain: then nothing else can be meant.
        """
        here = place.get()
        if here is not None and here[0] is self:
            return next((span for span in self._upwards(here[1]) if span in self._open), None)
        chain: list[int] = []
        for span in sorted(self._open):
            if self._spans[span - 1].kind is SpanKind.TIMER:
                if chain and chain[-1] not in self._upwards(span):
                    return None
                chain.append(span)
        return chain[-1] if chain else None

    def _upwards(self, span: int | None) -> Iterator[int]:
        while span is not None:
            yield span
            span = self._spans[span - 1].parent


def tool_call_here() -> tuple[int, str | None] | None:
    """`Span.call` and `Span.call_id` of the innermost tool around the caller that a model asked for, in whichever thread."""
    here = place.get()
    tools = here[0].around(SpanKind.TOOL) if here else []
    return next(((span.call, span.call_id) for span in tools if span.call is not None), None)


_numbers: MutableMapping[object, int] = WeakKeyDictionary()
_count = itertools.count(1)


def current_task() -> int | None:
    """A number of the running task of asyncio or trio, its own for ever; None outside of any. Names are not unique."""
    task: object = None
    if asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
    elif (trio := sys.modules.get("trio")) is not None:
        try:
            task = trio.lowlevel.current_task()
        except (RuntimeError, AttributeError):
            return None
    return None if task is None else task_number(task)


def task_number(task: object) -> int:
    if task not in _numbers:
        _numbers[task] = next(_count)
    return _numbers[task]
