"""Finds the functions that execute tool calls, whoever calls them: `sys.monitoring`, Python 3.12 and later.

From the first answer that asks for tools to the end of the test, the interpreter tells of each function that begins.
Of nearly all it does so once: what cannot be a tool by its code alone is switched off there and then. Only functions that
may be one are looked into, and only while a call is open.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from pytest_agentperf.model.span import Confidence, SpanKind
from pytest_agentperf.record.recorder import Recorder, active
from pytest_agentperf.record.spans import OpenSpan
from pytest_agentperf.record.tools.frames import Shape, Vocabulary, likeness, shape
from pytest_agentperf.record.tools.open_calls import OpenCall

monitoring: Any = getattr(sys, "monitoring", None)
BETTER = frozenset({"profiler", "seam"})
_RANK: dict[Confidence | None, int] = {"exact": 0, "likely": 1, "guess": 2}
_IDS = (4, 3)
"""Of the tools of `sys.monitoring`, those that nobody has by convention."""


def possible() -> bool:
    return monitoring is not None


class Detector:
    """One a process: what is switched off stays so, until a model asks for a tool of another name or other arguments."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()
        self._candidates: dict[int, tuple[CodeType, Shape]] = {}
        """By identity, for to hash a code is to walk it; the code itself, so that nobody else gets its identity."""
        self._watched: set[int] = set()
        """Those whose end is told too."""
        self._frames: dict[FrameType, tuple[Recorder, OpenSpan]] = {}
        self._id: int | None = None
        self._users = 0
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, recorder: Recorder) -> Iterator[None]:
        """Tell this recorder, while it is the active one. Raises NoToolId."""
        assert recorder.open_calls is not None
        with self._lock:
            if not self._users:
                self._id = _free_id()
            self._users += 1
        recorder.open_calls.changed.append(self._asked)
        try:
            yield
        finally:
            recorder.open_calls.changed.remove(self._asked)
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._stop()

    def _asked(self) -> None:
        """A model has asked for tools."""
        recorder = active()
        if recorder is None or recorder.open_calls is None or self._id is None:
            return
        with self._lock:
            new = self._vocabulary.learn(recorder.open_calls.open)
            if not monitoring.get_events(self._id):
                events = monitoring.events
                monitoring.register_callback(self._id, events.PY_START, self._started)
                monitoring.register_callback(self._id, events.PY_RETURN, self._returned)
                monitoring.register_callback(self._id, events.PY_UNWIND, self._unwound)
                monitoring.set_events(self._id, events.PY_START | events.PY_UNWIND)
            if new:
                monitoring.restart_events()  # other tools are told again what they had switched off, which they survive

    def _stop(self) -> None:
        if self._id is None:
            return
        monitoring.set_events(self._id, 0)
        for identity in self._watched:
            monitoring.set_local_events(self._id, self._candidates[identity][0], 0)
        for event in (monitoring.events.PY_START, monitoring.events.PY_RETURN, monitoring.events.PY_UNWIND):
            monitoring.register_callback(self._id, event, None)
        monitoring.free_tool_id(self._id)
        self._watched.clear()
        self._frames.clear()
        self._id = None

    # -- callbacks: nothing may leave them, for it would go to the agent -----------------------------------------------

    def _started(self, code: CodeType, offset: int) -> Any:
        known = self._candidates.get(id(code))
        if known is None:
            form = shape(code)
            if form is None or not self._vocabulary.fits(form):
                return monitoring.DISABLE
            known = self._candidates[id(code)] = (code, form)
        recorder = active()
        if recorder is None or recorder.open_calls is None or not recorder.open_calls.open:
            return None
        try:
            self._look(recorder, code, known[1], sys._getframe(1))
        except Exception as error:  # noqa: BLE001 - ours, so it must not reach the agent
            recorder.bug(error)
        return None

    def _look(self, recorder: Recorder, code: CodeType, form: Shape, frame: FrameType) -> None:
        found = _match(recorder, form, frame)
        if found is None:
            return
        call, confidence = found
        call.seen_by.add("detector")
        entered = recorder.enter(
            SpanKind.TOOL,
            call.name,
            nests=not form.shared,
            timed=not form.waits,
            source="detector",
            confidence=confidence,
            call=call.key[0],
            call_id=call.key[1],
        )
        if entered is not None and self._id is not None:
            self._frames[frame] = recorder, entered
            if id(code) not in self._watched:
                self._watched.add(id(code))
                monitoring.set_local_events(self._id, code, monitoring.events.PY_RETURN)

    def _returned(self, code: CodeType, offset: int, result: object) -> None:
        if self._frames:
            self._ended(sys._getframe(1), None)

    def _unwound(self, code: CodeType, offset: int, error: BaseException) -> None:
        if self._frames:
            self._ended(sys._getframe(1), error)

    def _ended(self, frame: FrameType, error: BaseException | None) -> None:
        recorder, entered = self._frames.pop(frame, (None, None))
        if recorder is not None and entered is not None:
            try:
                recorder.spans.leave(entered, error)
            except Exception as bug:  # noqa: BLE001 - the same
                recorder.bug(bug)


def _match(recorder: Recorder, form: Shape, frame: FrameType) -> tuple[OpenCall, Confidence] | None:
    """The call that this frame executes, unless somebody who knows better tells of it.

    Within the execution of a call, what looks like it is a part of it. Else identical calls begin in their order.
    """
    assert recorder.open_calls is not None
    calls = [call for call in recorder.open_calls.open if call.seen_by.isdisjoint(BETTER)]
    fitting = [(call, how) for call in calls if (how := likeness(form, lambda: frame.f_locals, call)) is not None]
    if not fitting:
        return None
    around = {(span.call, span.call_id): span for span in recorder.spans.around(SpanKind.TOOL)}
    call, how = min(
        fitting, key=lambda found: (found[0].key not in around, _RANK[found[1]], "detector" in found[0].seen_by)
    )
    if call.key in around and _RANK[around[call.key].confidence] <= _RANK[how]:
        return None
    return call, how


class NoToolId(RuntimeError):
    """Other tools hold the places of `sys.monitoring`."""


def _free_id() -> int:
    for number in _IDS:
        if monitoring.get_tool(number) is None:
            monitoring.use_tool_id(number, "pytest-agentperf")
            return number
    raise NoToolId


DETECTOR = Detector()
