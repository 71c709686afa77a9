"""Finds the functions that execute tool calls, whoever calls them: `sys.monitoring`, Python 3.12 and later.

From the first answer that asks for tools on, the interpreter tells of each function that begins. Of nearly all it does
so once a session: what cannot be a tool by its code alone is switched off there and then, and stays so until a model asks
for another tool. Only functions that may be one are looked into, and only while a call is open. To watch only then would
cost more: each switch makes the interpreter go through all code that runs next.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.record.recorder import Recorder, active
from pytest_agentperf.record.spans import OpenSpan
from pytest_agentperf.record.tools.frames import Shape, Vocabulary, executed, shape
from pytest_agentperf.record.tools.open_calls import Key

monitoring: Any = getattr(sys, "monitoring", None)
PATIENCE = 20
"""Looks in vain at one function since a model asked. Who recurses, or is called in a loop, would cost too much."""
IDLE = 1000
"""The same while no call is open, where it costs next to nothing."""
_IDS = (4, 3)
"""Of the tools of `sys.monitoring`, those that nobody has by convention."""


def possible() -> bool:
    return monitoring is not None


class NoToolId(RuntimeError):
    """Other tools hold the places of `sys.monitoring`."""


@dataclass(slots=True, eq=False)
class Candidate:
    """A function that may execute tools."""

    code: CodeType
    shape: Shape
    vain: int = 0
    """Looks in vain, and ends of others of its frames, since a model asked the last time."""
    idle: int = 0
    local: int = 0
    """Its events beside those of all code."""


@dataclass(slots=True, eq=False)
class Running:
    recorder: Recorder
    entered: OpenSpan
    candidate: Candidate


class Detector:
    """One a process."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._candidates: dict[int, Candidate] = {}
        """By identity, for to hash a code is to walk it; it holds the code, so that nobody else gets its identity."""
        self._strangers: dict[int, Candidate] = {}
        """Those that fit no tool so far, and so are switched off."""
        self._muted: list[Candidate] = []
        """Candidates that are switched off because they were called too often."""
        self._ran: dict[Recorder, dict[Candidate, dict[Key, OpenSpan]]] = {}
        """For each recorder that is told, what each function executed."""
        self._running: dict[FrameType, Running] = {}
        self._callers: dict[FrameType, FrameType] = {}
        """Frames whose next line, or end, tells that the frame which they called is over."""
        self._id: int | None = None
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, recorder: Recorder) -> Iterator[None]:
        """Tell this recorder, while it is the active one; `stop` when there is none to come. Raises NoToolId."""
        assert recorder.open_calls is not None
        with self._lock:
            if self._id is None:
                self._id = _free_id()
        self._ran[recorder] = {}
        recorder.open_calls.changed.append(self._asked)
        try:
            yield
        finally:
            recorder.open_calls.changed.remove(self._asked)
            del self._ran[recorder]
            for frame, running in tuple(self._running.items()):
                if running.recorder is recorder:
                    self._running.pop(frame, None)

    def _asked(self) -> None:
        """A model has asked for tools."""
        recorder = active()
        if recorder is None or recorder.open_calls is None or self._id is None:
            return
        with self._lock:
            new = self._vocabulary.learn(recorder.open_calls.open)
            if not monitoring.get_events(self._id):
                self._start()
            awake, self._muted = self._muted, []
            for stranger in self._no_longer_strange() if new else ():
                self._candidates[id(stranger.code)] = self._strangers.pop(id(stranger.code))
                awake.append(stranger)
            if awake:
                self._switch_on(awake)
            for candidate in tuple(self._candidates.values()):
                candidate.vain = candidate.idle = 0

    def _no_longer_strange(self) -> list[Candidate]:
        return [stranger for stranger in tuple(self._strangers.values()) if self._vocabulary.fits(stranger.shape)]

    def _start(self) -> None:
        for event, call in self._callbacks().items():
            monitoring.register_callback(self._id, event, call)
        monitoring.set_events(self._id, _EVERYWHERE)
        monitoring.restart_events()  # who had our place before may have left code switched off; other tools survive this

    def _switch_on(self, candidates: list[Candidate]) -> None:
        """Be told again of what was switched off, and of nothing else; nobody else's events change by this."""
        monitoring.set_events(self._id, 0)
        for candidate in candidates:
            for local in (candidate.local ^ monitoring.events.PY_RETURN, candidate.local):  # only a change is heeded
                monitoring.set_local_events(self._id, candidate.code, local)
        monitoring.set_events(self._id, _EVERYWHERE)

    def _callbacks(self) -> dict[int, Any]:
        events = monitoring.events
        return {
            events.PY_START: self._started,
            events.PY_RETURN: self._returned,
            events.PY_UNWIND: self._unwound,
            events.LINE: self._went_on,
        }

    def stop(self) -> None:
        """Give the place in `sys.monitoring` back. Does nothing where there is none."""
        with self._lock:
            if self._id is None:
                return
            monitoring.set_events(self._id, 0)
            for caller in self._callers:
                monitoring.set_local_events(self._id, caller.f_code, 0)
            for candidate in self._candidates.values():
                self._set_local(candidate, 0)
            for event in self._callbacks():
                monitoring.register_callback(self._id, event, None)
            monitoring.free_tool_id(self._id)
            self._id = None
            for kept in (self._candidates, self._strangers, self._muted, self._running, self._callers):
                kept.clear()

    def _set_local(self, candidate: Candidate, events: int) -> None:
        if candidate.local != events:
            candidate.local = events
            monitoring.set_local_events(self._id, candidate.code, events)

    # -- callbacks: nothing may leave them, for it would go to the agent -----------------------------------------------

    def _started(self, code: CodeType, offset: int) -> Any:
        try:
            candidate = self._candidates.get(id(code)) or self._new(code)
            if candidate is None:
                return monitoring.DISABLE
            recorder = active()
            if recorder is None or recorder.open_calls is None or not recorder.open_calls.open:
                candidate.idle += 1
            else:
                self._look(recorder, candidate, sys._getframe(1))
            if candidate.vain < PATIENCE and candidate.idle < IDLE:
                return None
            self._muted.append(candidate)
        except Exception as error:  # noqa: BLE001 - ours, so it must not reach the agent
            _tell(error)
        return monitoring.DISABLE

    def _returned(self, code: CodeType, offset: int, result: object) -> None:
        try:
            frame = sys._getframe(1)
            if frame in self._callers:
                self._ended(self._leave_caller(frame), None)
            if frame in self._running:
                self._ended(frame, None)
            elif (candidate := self._candidates.get(id(code))) is not None:
                candidate.vain += 1
                if candidate.vain >= PATIENCE and candidate.local and not candidate.shape.waits:
                    self._wait_for_callers(candidate)
        except Exception as error:  # noqa: BLE001 - the same
            _tell(error)

    def _went_on(self, code: CodeType, line: int) -> None:
        try:
            frame = sys._getframe(1)
            if frame in self._callers:
                self._ended(self._leave_caller(frame), None)
        except Exception as error:  # noqa: BLE001 - the same
            _tell(error)

    def _unwound(self, code: CodeType, offset: int, error: BaseException) -> None:
        if not self._running:
            return
        try:
            frame = sys._getframe(1)
            if frame in self._running:
                if frame.f_back in self._callers:
                    self._leave_caller(frame.f_back)
                self._ended(frame, error)
        except Exception as bug:  # noqa: BLE001 - the same
            _tell(bug)

    # -- what they do --------------------------------------------------------------------------------------------------

    def _new(self, code: CodeType) -> Candidate | None:
        form = shape(code)
        if form is None:
            return None
        if self._vocabulary.fits(form):
            return self._candidates.setdefault(id(code), Candidate(code, form))
        self._strangers.setdefault(id(code), Candidate(code, form))
        return None

    def _look(self, recorder: Recorder, candidate: Candidate, frame: FrameType) -> None:
        if recorder not in self._ran:
            return
        ran = self._ran[recorder].setdefault(candidate, {})
        found = executed(recorder, candidate.shape, lambda: frame.f_locals, ran)
        if found is None:
            candidate.vain += 1
            return
        call, confidence = found
        if call.key in ran:
            entered = recorder.spans.reopen(ran[call.key])
        else:
            entered = recorder.enter(
                SpanKind.TOOL,
                call.name,
                nests=not candidate.shape.shared,
                timed=not candidate.shape.waits,
                source="detector",
                confidence=confidence,
                call=call.key[0],
                call_id=call.key[1],
            )
        if entered is None:
            candidate.vain += 1
            return
        ran[call.key] = entered
        self._running[frame] = Running(recorder, entered, candidate)
        self._set_local(candidate, monitoring.events.PY_RETURN)

    def _wait_for_callers(self, candidate: Candidate) -> None:
        """It recurses: look for the end of its outermost frames where they were called instead."""
        for frame, running in tuple(self._running.items()):
            if running.candidate is candidate:
                caller = frame.f_back
                if caller is None or caller.f_code is candidate.code:
                    return
                self._callers[caller] = frame
                monitoring.set_local_events(
                    self._id, caller.f_code, monitoring.events.LINE | monitoring.events.PY_RETURN
                )
        self._set_local(candidate, 0)

    def _leave_caller(self, caller: FrameType) -> FrameType:
        """Look at its lines no longer. Gives the frame that it called."""
        called = self._callers.pop(caller)
        if all(other.f_code is not caller.f_code for other in tuple(self._callers)):
            known = self._candidates.get(id(caller.f_code))
            monitoring.set_local_events(self._id, caller.f_code, known.local if known else 0)
        return called

    def _ended(self, frame: FrameType, error: BaseException | None) -> None:
        if running := self._running.pop(frame, None):  # none, where its recording has ended before
            running.recorder.spans.leave(running.entered, error)


def _tell(error: Exception) -> None:
    if (recorder := active()) is not None:
        recorder.bug(error)


def _free_id() -> int:
    for number in _IDS:
        if monitoring.get_tool(number) is None:
            monitoring.use_tool_id(number, "pytest-agentperf")
            return number
    raise NoToolId


_EVERYWHERE = monitoring.events.PY_START | monitoring.events.PY_UNWIND if monitoring else 0
DETECTOR = Detector()
