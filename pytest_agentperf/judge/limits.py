"""Limits: from what somebody wrote to what a profile broke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, cast

from pytest_agentperf.judge import checks
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.exchange import Origin
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.limit import Limit, Violation
from pytest_agentperf.model.metric import METRICS, SEQUENTIAL, Measure, Metric
from pytest_agentperf.model.number import Number, format_value
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.scope import narrow


class Failure(AssertionError):
    """Our verdict on a test. The message is for people and stands for itself, without a traceback."""


class Stopped(Failure):
    """A test whose agent was stopped in mid-run, whatever the agent made of that."""

    def __init__(self, stops: Sequence[BaseException]) -> None:
        more = f"\n({len(stops) - 1} more of that kind followed)" if len(stops) > 1 else ""
        super().__init__(f"{stops[0]}{more}")


class LimitExceeded(Failure):
    """A test used more than it may: one paragraph a limit."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(describe(violations))


def read_limit(
    name: str, args: Sequence[object], kwargs: Mapping[str, object], *, source: str = "", explicit: bool = True
) -> tuple[Limit, ...]:
    """The limits that `name(*args, **kwargs)` sets. Raises `checks.BadLimit`.

    `max_metric` and `min_metric` also bound what we measure, where it has no limit of its own.
    """
    parsed_limits = checks.parse(name, args, kwargs)
    for parsed in parsed_limits if name in checks.OWN_CHECKS else ():
        if better := _CHECK_OF.get(parsed.metric):
            raise checks.BadLimit(f"agentperf measures {parsed.metric!r} itself; its limit is {better}")
    written = [*(repr(arg) for arg in args), *(f"{key}={value!r}" for key, value in kwargs.items())]
    return tuple(
        Limit(
            metric=parsed.metric,
            bound=parsed.bound,
            kind=cast('Literal["max", "min"]', parsed.kind),
            own=parsed.own and parsed.metric not in METRICS,
            within=parsed.within,
            tool=parsed.tool,
            allow=parsed.allow,
            text=f"{name}({', '.join(written)})",
            source=source,
            explicit=explicit,
        )
        for parsed in parsed_limits
    )


_CHECK_OF = {parameter.metric: check.signature for check in checks.CHECKS.values() for parameter in check.parameters}


def closest(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Of the limits on the same thing the first one, which is the one written closest to the test."""
    seen: dict[tuple[object, ...], Limit] = {}
    for limit in limits:
        seen.setdefault((limit.metric, limit.own, limit.kind, limit.within, limit.tool), limit)
    return tuple(seen.values())


def check(profile: Profile, limits: Iterable[Limit]) -> tuple[Violation, ...]:
    """What the profile breaks, in the order of the limits.

    A value that is unknown, or only estimated (without `Profile.estimates_judge`), breaks its limit with the reason why:
    a gate that cannot see must not be green. A limit written for a test (not for a path) that saw no LLM call at all is
    broken for the same reason, unless another one says that there is to be none.
    """
    limits = tuple(limits)
    meant = any(limit.explicit and limit.metric == "llm_calls" and not limit.bound for limit in limits)
    if not profile.calls and not meant and (blind := [limit for limit in limits if _needs_calls(limit)]):
        seeing = [limit for limit in limits if not _needs_calls(limit)]
        return (_saw_nothing(blind), *check(profile, seeing))
    return tuple(violation for limit in limits if (violation := _check(profile, limit)))


def unjudged(profile: Profile, limits: Iterable[Limit]) -> str | None:
    """A note about limits set by path that say nothing because the test made no LLM call; None if there are none."""
    sources = sorted({limit.source for limit in limits if not limit.explicit})
    if profile.calls or not sources:
        return None
    return f"no LLM call was seen in a test that {', '.join(sources)} limits"


def describe(violations: Iterable[Violation]) -> str:
    return "\n".join(_lines(violations))


def _lines(violations: Iterable[Violation]) -> Iterator[str]:
    for violation in violations:
        yield violation.message
        yield from (f"  {line}" for line in violation.details)


def _needs_calls(limit: Limit) -> bool:
    return limit.explicit and not limit.own


def _saw_nothing(limits: Sequence[Limit]) -> Violation:
    texts = ", ".join(_where(limit) for limit in limits)
    return Violation(
        limit=limits[0],
        measure=Measure(value=None, why="no LLM call was seen"),
        unit="",
        message=f"no LLM call was seen, so {texts} says nothing",
        details=(
            "agentperf sees calls over httpx, httpx2, aiohttp and urllib3 while the test's body runs, also in threads.",
            "If the test is meant to make none, say so as well: @pytest.mark.max_llm_calls(0).",
        ),
    )


def _check(profile: Profile, limit: Limit) -> Violation | None:
    if limit.own:
        return _judge(limit, *_read_gauge(profile, limit.metric))
    metric = METRICS[limit.metric]
    part = narrow(profile, limit.within) if limit.within else profile
    if part is None:
        names = ", ".join(dict.fromkeys(repr(s.name) for s in profile.spans)) or "none"
        return _judge(
            limit, Measure(value=None, why=f"there was no timer {limit.within!r} (there were: {names})"), metric.unit
        )
    if limit.tool is not None:
        kept = (replace(c, tool_calls=tuple(t for t in c.tool_calls if t.name == limit.tool)) for c in part.calls)
        part = replace(part, calls=tuple(kept))
    if limit.allow:
        part = _without_tools(part, limit.allow)
    measure = metric.read(part)
    if measure.value is None and not profile.calls and not limit.explicit:
        return None  # `unjudged` tells
    found = _judge(limit, measure, metric.unit, estimates=profile.estimates_judge)
    if found is None:
        return None
    hidden = measure.value is None or (measure.estimated and not profile.estimates_judge)
    return replace(found, details=_way_out(part, metric) if hidden else _details(part, metric))


def _without_tools(profile: Profile, allowed: tuple[str, ...]) -> Profile:
    """Findings about what is left of a turn when the allowed tools are not in it."""
    spans = {span.id: span for span in profile.spans}
    kept = []
    for found in profile.findings:
        others = [spans[id_].end_ns - spans[id_].start_ns for id_ in found.spans if spans[id_].name not in allowed]
        if not set(found.tools) & set(allowed):
            kept.append(found)
        elif len(others) > 1 and found.lost_ms is not None:
            kept.append(replace(found, lost_ms=min(found.lost_ms, (sum(others) - max(others)) / 1e6)))
    calls = (replace(c, tool_calls=tuple(t for t in c.tool_calls if t.name not in allowed)) for c in profile.calls)
    return replace(profile, findings=tuple(kept), calls=tuple(calls))


def _read_gauge(profile: Profile, name: str) -> tuple[Measure, str]:
    for gauge in profile.gauges:
        if gauge.name == name:
            return Measure(value=gauge.value), gauge.unit
    return Measure(value=None, why=f'the test never called profiler.metric("{name}", ...)'), ""


def _judge(limit: Limit, measure: Measure, unit: str, *, estimates: bool = False) -> Violation | None:
    value = measure.value
    name = limit.metric if limit.own else METRICS[limit.metric].label
    what = name + (f" of {limit.tool}" if limit.tool else "") + (f" within {limit.within!r}" if limit.within else "")
    if value is None or (measure.estimated and not estimates):
        why = (
            measure.why
            or f"the wire does not say; {format_value(value, unit, estimated=True)} is an estimate and does not judge "
            "(agentperf_estimates = judge lets it)"
        )
        message = f"{what} is unknown, so {_where(limit)} cannot be judged: {why}"
        return Violation(limit=limit, measure=measure, unit=unit, message=message)
    over = value > limit.bound if limit.kind == "max" else value < limit.bound
    if not over:
        return None
    shown = unit if limit.own or unit in ("ms", "USD", "MB") else ""  # a count's label says what is counted
    side = "over" if limit.kind == "max" else "under"
    gap = abs(Decimal(str(value)) - Decimal(str(limit.bound)))
    message = (
        f"{what}: {format_value(value, shown)} is {side} {_where(limit)}"
        f" by {format_value(gap, shown)}{_percent(gap, limit.bound)}"
    )
    return Violation(limit=limit, measure=measure, unit=unit, message=message)


def _percent(gap: Decimal, bound: Number) -> str:
    return f" ({gap / abs(Decimal(str(bound))):.0%})" if bound else ""


def _where(limit: Limit) -> str:
    return f"{limit.text} at {limit.source}" if limit.source else limit.text


_OF_TOOLS = ("sequential_loss", "tool_time", "tool_overlap", "tool_runs")


def _way_out(profile: Profile, metric: Metric) -> tuple[str, ...]:
    """How a value that is unknown or estimated becomes known."""
    if metric.name in _OF_TOOLS and profile.clock is not ClockKind.INSTANT:
        return (
            "Python 3.12 or newer sees any function run that a call's arguments are given to;",
            "a framework's tools are seen on any Python, and so is what `with profiler.tool(name):` is around.",
        )
    replayed = all(call.origin is Origin.REPLAYED for call in profile.calls)
    if metric.unit == "ms" and replayed and profile.clock is not ClockKind.INSTANT:
        return (f"A new recording keeps the times: pytest {profile.nodeid} --agentperf-record=all",)
    silent = [call for call in profile.calls if call.error is None and (call.usage is None or call.usage.estimated)]
    if metric.unit in ("tokens", "USD") and any(call.streamed and call.api == "openai-chat" for call in silent):
        again = ", and record again" if replayed else ""
        return (f'Ask for usage with stream_options={{"include_usage": True}}{again}.',)
    return ()


def _details(profile: Profile, metric: Metric) -> tuple[str, ...]:
    """What rules found out about lost time; and the three LLM calls that weigh most in this metric."""
    if metric.name == "sequential_loss":
        return _told(found for found in profile.findings if found.code == SEQUENTIAL and found.gating)
    lost = _told(f for f in profile.findings if f.lost_ms and f.gating) if metric.name == "latency" else ()
    weighed = []
    for position, call in enumerate(profile.calls, 1):
        share = metric.read(replace(profile, calls=(call,), latency_ns=call.duration_ns or 0, spans=()))
        if share.value:
            weighed.append((share.value, position, call))
    weighed.sort(key=lambda row: (-row[0], row[1]))
    return lost + tuple(
        f"LLM call {position} ({call.model}): {format_value(value, metric.unit, estimated=False)}"
        for value, position, call in weighed[:3]
    )


_MOST_TOLD = 3


def _told(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The costliest, each with the way out."""
    ranked = sorted(findings, key=lambda found: -(found.lost_ms or 0))
    lines = []
    for found in ranked[:_MOST_TOLD]:
        place = f" at {found.where}" if found.where else ""
        lines += [f"{found.code} {found.name}: {found.message}{place}", f"  fix: {found.fix}"]
    more = len(ranked) - _MOST_TOLD
    return (*lines, *([f"{more} more of that kind"] if more > 0 else []))
