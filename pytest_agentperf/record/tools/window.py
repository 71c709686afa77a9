"""What the traffic alone says about tools: they ran after the answer that asks and before the request that carries their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.span import Span, SpanKind


def with_windows(spans: Sequence[Span], calls: Sequence[ModelCall]) -> tuple[Span, ...]:
    """A window more for each answer some of whose tools nobody saw running; the others of that answer lie within it.

    What two answers ask for under one identifier, as when a recorded answer is given again, runs for both.
    """
    ran = {(span.call, span.call_id) for span in spans if span.kind is SpanKind.TOOL}
    seen = {tool for asking in calls for tool in asking.tool_calls if tool.id and (asking.index, tool.id) in ran}
    spans = list(spans)
    for asking in calls:
        missed = [
            tool.name
            for place, tool in enumerate(asking.tool_calls, 1)
            if (asking.index, call_id(tool, place)) not in ran and tool not in seen
        ]
        end_ns = _results_leave(asking, calls) if missed else None
        if end_ns is None or asking.end_ns is None or end_ns < asking.end_ns:
            continue
        window = Span(
            id=len(spans) + 1,
            parent=asking.span,
            kind=SpanKind.WINDOW,
            name=", ".join(dict.fromkeys(missed)),
            start_ns=asking.end_ns,
            end_ns=end_ns,
            thread=asking.thread,
            source="window",
            confidence="guess",
            call=asking.index,
        )
        spans = [_within(span, window) for span in spans]
        spans.append(window)
    return tuple(spans)


def call_id(tool: ToolCall, place: int) -> str:
    """`Span.call_id` of the `place`th tool call of an answer, from 1."""
    return tool.id or f"#{place}"


def _results_leave(asking: ModelCall, calls: Sequence[ModelCall]) -> int | None:
    """When the first request starts that carries a result of these tool calls, or goes on with the conversation."""
    ids = {tool.id for tool in asking.tool_calls} - {None}
    before = asking.prompt.messages
    for call in calls:
        prompt = call.prompt
        if call.index <= asking.index:
            continue
        if not ids.isdisjoint(result.call_id for result in prompt.results):
            return call.start_ns
        if (
            not ids
            and prompt.results
            and len(prompt.messages) > len(before)
            and prompt.messages[: len(before)] == before
        ):
            return call.start_ns
    return None


def _within(span: Span, window: Span) -> Span:
    inside = (
        span.kind is SpanKind.TOOL
        and (span.call, span.parent) == (window.call, window.parent)
        and window.start_ns <= span.start_ns
        and span.end_ns <= window.end_ns
    )
    return replace(span, parent=window.id) if inside else span
