"""The tool calls of one answer, what ran for each of them, and the request that carried the results."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_agentperf.analyze.turns import continues
from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import Span, SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    asked: ToolCall
    spans: tuple[Span, ...]
    """In the order of starts: one, and where the agent tried again, one a try."""

    @property
    def first(self) -> Span:
        return self.spans[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    call: ModelCall
    """Whose answer asks for the tools."""
    executions: tuple[Execution, ...] = ()
    """In the order of starts."""
    unseen: tuple[ToolCall, ...] = ()
    """Asked for; nobody saw an execution."""
    window: Span | None = None
    next: ModelCall | None = None
    """The first call that continues the conversation."""


def batches(profile: Profile) -> tuple[Batch, ...]:
    """One for each answer that asks for tools, in the order of calls.

    A span that does not say what it executes (`profiler.tool` in a test) is taken for the first call of its name that
    is still open: of the innermost conversation around it, then of the latest answer before it.
    """
    spans = _by_call(profile)
    windows = {span.call: span for span in profile.spans if span.kind is SpanKind.WINDOW}
    found = []
    for call in profile.calls:
        if call.tool_calls:
            pairs = [(asked, spans.get((call.index, id_)) or ()) for id_, asked in named(call)]
            executions = [Execution(asked=asked, spans=tuple(those)) for asked, those in pairs if those]
            found.append(
                Batch(
                    call=call,
                    executions=tuple(sorted(executions, key=lambda execution: execution.first.start_ns)),
                    unseen=tuple(asked for asked, those in pairs if not those),
                    window=windows.get(call.index),
                    next=next((later for later in profile.calls if continues(later, call)), None),
                )
            )
    return tuple(found)


def named(call: ModelCall) -> list[tuple[str, ToolCall]]:
    """The tool calls by the name that `Span.call_id` knows them by."""
    return [(asked.id or f"#{place}", asked) for place, asked in enumerate(call.tool_calls, 1)]


def _by_call(profile: Profile) -> dict[tuple[int, str], list[Span]]:
    tools = [span for span in profile.spans if span.kind is SpanKind.TOOL]
    found: dict[tuple[int, str], list[Span]] = {}
    for span in tools:
        if span.call is not None and span.call_id is not None:
            found.setdefault((span.call, span.call_id), []).append(span)
    for span in tools:
        if span.call is None:
            key = _meant(span, profile, found)
            if key is not None:
                found.setdefault(key, []).append(span)
    return found


def _meant(span: Span, profile: Profile, taken: dict[tuple[int, str], list[Span]]) -> tuple[int, str] | None:
    earlier = [call for call in profile.calls if call.end_ns is not None and call.end_ns <= span.start_ns]
    earlier.sort(key=lambda call: (call.span == span.parent, call.end_ns))
    same = [(call.index, id_) for call in reversed(earlier) for id_, asked in named(call) if asked.name == span.name]
    again = [key for key in same if key in taken and taken[key][-1].error and taken[key][-1].end_ns <= span.start_ns]
    return next((key for key in (*again, *same) if key in again or key not in taken), None)
