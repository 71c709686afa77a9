"""The same piece of the agent's own work ran more than three times for each tool call, as timers of one name say
(`profiler.timer("intervention_check")`, best as a decorator of the function): redundant hooks.

Checks, hooks and loaders that run before and after each step, message and tool add up to more than the tool itself. One real
agent checked for an intervention six times a tool call, and loaded its extensions four times.

Do it once a step: keep the result for as long as it holds, and look again only when something changed (a file's time of
change, an event). The milliseconds told are those of all runs but one for each tool call.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import Span, SpanKind

_OFTEN = 3
_LEAST_TOOL_CALLS = 2


def find(profile: Profile) -> Iterator[Finding]:
    tool_calls = sum(len(call.tool_calls) for call in profile.calls)
    if tool_calls < _LEAST_TOOL_CALLS:
        return
    timers: dict[str, list[Span]] = {}
    for span in profile.spans:
        if span.kind is SpanKind.TIMER:
            timers.setdefault(span.name, []).append(span)
    for name, spans in timers.items():
        if len(spans) > _OFTEN * tool_calls:
            took = sorted(span.end_ns - span.start_ns for span in spans)
            lost = sum(took[: len(took) - tool_calls])
            yield RULE.finding(
                f"{name} ran {len(spans)} times for {tool_calls} tool calls, {len(spans) / tool_calls:.1f} times each",
                fix="do it once a step and keep the result",
                cause=name,
                lost_ms=lost / 1e6 if lost else None,
                spans=tuple(span.id for span in spans),
            )


RULE = Rule(
    code="AP401", name="repeated-work", headline="the agent's own work done over and over for each tool call", find=find
)
