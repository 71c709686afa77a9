"""A model that asks for tools, without one; and what was seen of their runs."""

from __future__ import annotations

from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.record.recorder import Recorder


def asked(recorder: Recorder, *calls: tuple[str | None, str, str], index: int = 0) -> None:
    """A model asks for these: identifier, name, arguments."""
    recorder.open_calls.answered(
        ModelCall(
            index=index,
            provider="openai",
            api="openai-chat",
            model="m",
            tool_calls=tuple(ToolCall(id=id, name=name, arguments=arguments) for id, name, arguments in calls),
        )
    )


def told(recorder: Recorder) -> list[tuple[object, ...]]:
    spans = [span for span in recorder.recording().spans if span.kind is SpanKind.TOOL]
    assert recorder.bugs == []
    return [(span.name, span.call_id, span.source, span.confidence, span.error) for span in spans]
