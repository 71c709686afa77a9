"""An LLM call of over 3,000 ms, a tool of over 1,000 ms, or more than 20 LLM calls in one test. The thresholds are settings: the
ini key `agentperf_thresholds = llm=3000 tool=1000 calls=20`, each of which may be left out.

This is the plain question that limits ask, for tests that have none: which call, which tool is slow. A tool's time is its own;
what agents do inside of tools counts.

For a call: a smaller model, a shorter answer (`max_tokens`), a cached prompt, less reasoning, streaming. For a tool: see what it
waits for. For many calls: let the model ask for several tools at once, and give it fewer steps to go.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule, milliseconds
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import SpanKind


def find(profile: Profile) -> Iterator[Finding]:
    most = profile.thresholds
    if profile.clock is not ClockKind.INSTANT:
        slow = [call for call in profile.calls if (call.duration_ns or 0) > most.llm_ms * 1e6]
        for model in dict.fromkeys(call.model for call in slow):
            took = {call.index: call.duration_ns or 0 for call in slow if call.model == model}
            yield RULE.finding(
                f"{len(took)} LLM calls of {model} took over {most.llm_ms:,} ms, the longest {milliseconds(max(took.values()))}",
                fix="a smaller model, a shorter answer, less reasoning, or a prompt that the provider caches",
                cause="call",
                calls=tuple(took),
            )
        tools = [s for s in profile.spans if s.kind is SpanKind.TOOL and s.end_ns - s.start_ns > most.tool_ms * 1e6]
        for name in dict.fromkeys(span.name for span in tools):
            lengths = {span.id: span.end_ns - span.start_ns for span in tools if span.name == name}
            yield RULE.finding(
                f"tool {name} took over {most.tool_ms:,} ms {len(lengths)} times, the longest time "
                f"{milliseconds(max(lengths.values()))}",
                fix="see what it waits for: the waterfall shows it",
                cause="tool",
                spans=tuple(lengths),
                tools=(name,),
            )
    if len(profile.calls) > most.calls:
        yield RULE.finding(
            f"{len(profile.calls)} LLM calls are more than {most.calls}",
            fix="let the model ask for several tools at once, and give it fewer steps to go",
            cause="calls",
            calls=tuple(call.index for call in profile.calls),
        )


RULE = Rule(
    code="AP404",
    name="thresholds",
    headline="slow LLM calls, slow tools and too many calls, by thresholds that can be set",
    find=find,
)
