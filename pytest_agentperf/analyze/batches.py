"""The tool calls of one answer, what ran for each of them, and the request that carried the results."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_agentperf.analyze.turns import continues
from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import Span, SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    call: ModelCall
    """Whose answer asks for the tools."""
    executions: tuple[tuple[ToolCall, Span], ...] = ()
    """In the order of starts."""
    unseen: tuple[ToolCall, ...] = ()
    """Asked for; nobody saw an execution."""
    window: Span | None = None
    next: ModelCall | None = None
    """The first call that continues the conversation."""

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(span for _, span in self.executions)

    @property
    def executed(self) -> tuple[ToolCall, ...]:
        return tuple(asked for asked, _ in self.executions)


def batches(profile: Profile) -> tuple[Batch, ...]:
    """One for each answer that asks for tools, in the order of calls."""
    ran = {(span.call, span.call_id): span for span in profile.spans if span.kind is SpanKind.TOOL}
    windows = {span.call: span for span in profile.spans if span.kind is SpanKind.WINDOW}
    return tuple(_batch(call, profile, ran, windows) for call in profile.calls if call.tool_calls)


def _batch(
    call: ModelCall, profile: Profile, ran: dict[tuple[int | None, str | None], Span], windows: dict[int | None, Span]
) -> Batch:
    pairs = [(asked, ran.get((call.index, id_))) for id_, asked in named(call)]
    executions = [(asked, span) for asked, span in pairs if span is not None]
    return Batch(
        call=call,
        executions=tuple(sorted(executions, key=lambda pair: (pair[1].start_ns, pair[1].id))),
        unseen=tuple(asked for asked, span in pairs if span is None),
        window=windows.get(call.index),
        next=next((later for later in profile.calls if continues(later, call)), None),
    )


def named(call: ModelCall) -> list[tuple[str, ToolCall]]:
    """The tool calls by the name that `Span.call_id` knows them by."""
    return [(asked.id or f"#{place}", asked) for place, asked in enumerate(call.tool_calls, 1)]
