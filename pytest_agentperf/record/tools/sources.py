"""All who can tell when a tool runs, for as long as a test's body does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools import detector, otel, wrap

_NEEDS_312 = (
    "when the agent's own loop runs its tools is seen on Python 3.12 or later, or with profiler.tool(...); "
    "here only the time of all tools of a turn is known"
)
_NO_PLACE = "other tools hold the places of sys.monitoring: an agent's own loop over its tools is not watched"
_SECOND_BEST = frozenset({"otel", "detector", "window"})
"""Where these are the best that there is, a framework's own place may have moved."""


def stop_watching() -> None:
    """No test is to come. Until then what was learned of the agent's code is kept, for that costs less than to forget it."""
    detector.DETECTOR.stop()


@contextmanager
def watching(recorder: Recorder, which: Literal["all", "seams"] = "all") -> Iterator[None]:
    """Let the sources tell this recorder, which sees tools; what could not be seen is noted at the end."""
    with ExitStack() as sources:
        sources.enter_context(wrap.wrapped())
        sources.enter_context(otel.listening())
        if which == "all" and detector.possible():
            try:
                sources.enter_context(detector.DETECTOR.watching(recorder))
            except detector.NoToolId:
                recorder.note(_NO_PLACE)
        yield
    seen = recorder.recording()
    if which == "all" and not detector.possible() and any(span.kind is SpanKind.WINDOW for span in seen.spans):
        recorder.note(_NEEDS_312)
    if any(span.source in _SECOND_BEST for span in seen.spans):
        for sentence in wrap.unfit():
            recorder.note(sentence)
