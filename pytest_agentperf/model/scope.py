"""The part of a run that a timer stands around."""

from __future__ import annotations

from dataclasses import replace

from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.model.stretch import length


def narrow(profile: Profile, scope: str) -> Profile | None:
    """The part of a profile inside the timers called `scope`; None where there was no such timer.

    A timer `llm:planning` answers to `llm:planning`, `llm` and `planning`. The latency is the time during which at
    least one of them was open.
    """
    inside = {span.id for span in profile.spans if span.kind is SpanKind.TIMER and scope in categories(span.name)}
    if not inside:
        return None
    roots = [span for span in profile.spans if span.id in inside]
    for span in profile.spans:  # parents start before their children, so one pass finds all descendants
        if span.parent in inside:
            inside.add(span.id)
    calls = {call.index for call in profile.calls if call.span in inside}
    return replace(
        profile,
        latency_ns=length((span.start_ns, span.end_ns) for span in roots),
        calls=tuple(call for call in profile.calls if call.index in calls),
        spans=tuple(span for span in profile.spans if span.id in inside),
        findings=tuple(found for found in profile.findings if calls.issuperset(found.calls) and found.calls),
    )


def categories(name: str) -> tuple[str, ...]:
    """What a timer answers to: its name and, where that has colons, each part."""
    return (name, *name.split(":")) if ":" in name else (name,)
