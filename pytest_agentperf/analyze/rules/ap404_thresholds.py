"""An LLM call of over 3,000 ms, a tool of over 1,000 ms, or more than 20 LLM calls in one test. The thresholds are settings: the
ini key `agentperf_thresholds = llm=3000 tool=1000 calls=20`, each of which may be left out. Above one that you set is a
finding like any other; above one that you did not set is a hint, for what is slow you know best. `fail_on="AP404"` takes
the usual ones for yours; `fail_on="AP"` and `"AP4"` do not.

This is the plain question that limits ask, for tests that have none: which call, which tool is slow. A tool's time is its own;
what agents do inside of tools counts.

For a call: a smaller model, a shorter answer (`max_tokens`), a cached prompt, less reasoning, streaming. For a tool: see what it
waits for. For many calls: let the model ask for several tools at once, and give it fewer steps to go.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule, milliseconds
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import ClockKind, Profile, Thresholds
from pytest_agentperf.model.span import SpanKind

USUAL = Thresholds(llm_ms=3_000, tool_ms=1_000, calls=20)


def find(profile: Profile) -> Iterator[Finding]:
    if profile.clock is not ClockKind.INSTANT:
        yield from _slow_calls(profile)
        yield from _slow_tools(profile)
    most, ours = _threshold(profile, "calls")
    if len(profile.calls) > most:
        yield RULE.finding(
            f"{len(profile.calls)} LLM calls are more than {most}",
            fix="let the model ask for several tools at once, and give it fewer steps to go",
            cause="calls",
            calls=tuple(call.index for call in profile.calls),
            gating=not ours,
        )


def _threshold(profile: Profile, name: str) -> tuple[int, bool]:
    """And whether it is ours, for nobody set it."""
    given: int | None = getattr(profile.thresholds, name)
    return (getattr(USUAL, name), True) if given is None else (given, False)


def _slow_calls(profile: Profile) -> Iterator[Finding]:
    most_ms, ours = _threshold(profile, "llm_ms")
    slow = [call for call in profile.calls if (call.duration_ns or 0) > most_ms * 1e6]
    for model in dict.fromkeys(call.model for call in slow):
        took = {call.index: call.duration_ns or 0 for call in slow if call.model == model}
        yield RULE.finding(
            _told("an LLM call", f"{len(took)} LLM calls", f" of {model}", max(took.values()), len(took), most_ms),
            fix="a smaller model, a shorter answer, less reasoning, or a prompt that the provider caches",
            cause="call",
            calls=tuple(took),
            gating=not ours,
        )


def _slow_tools(profile: Profile) -> Iterator[Finding]:
    most_ms, ours = _threshold(profile, "tool_ms")
    slow = [s for s in profile.spans if s.kind is SpanKind.TOOL and s.end_ns - s.start_ns > most_ms * 1e6]
    for name in dict.fromkeys(span.name for span in slow):
        took = {span.id: span.end_ns - span.start_ns for span in slow if span.name == name}
        yield RULE.finding(
            _told("", f"{len(took)} runs of ", f"tool {name}", max(took.values()), len(took), most_ms),
            fix="see what it waits for: the waterfall shows it",
            cause="tool",
            spans=tuple(took),
            tools=(name,),
            gating=not ours,
        )


def _told(one: str, many: str, what: str, longest_ns: int, count: int, most_ms: int) -> str:
    if count == 1:
        return f"{one}{what} took {milliseconds(longest_ns)}, which is over {most_ms:,} ms"
    return f"{many}{what} took over {most_ms:,} ms, the longest {milliseconds(longest_ns)}"


RULE = Rule(
    code="AP404",
    name="thresholds",
    headline="slow LLM calls, slow tools and too many calls, by thresholds that can be set",
    find=find,
    gates_when_named=True,
)
