"""The table of numbers. A row here can be limited, compared, shown and stored; nothing else needs to know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Literal

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.number import Number, format_value
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.stretch import most_at_once
from pytest_agentperf.model.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number, or the reason why there is none."""

    value: Number | None
    why: str = ""
    """A clause that completes "unknown: ..."; empty where the value is known."""
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """How much worse than the baseline a number may be: by no more than the percentage, or by no more than the floor."""

    percent: Number = 0
    floor: Number = 0
    """In the unit of the metric."""


_ANY = Slack()
_TOKENS = Slack(percent=2, floor=16)
_TIME = Slack(percent=2, floor=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    name: str
    title: str
    """For the heading of a column."""
    label: str
    """For a sentence."""
    unit: Literal["ms", "tokens", "USD", "calls", "turns", "bytes", "MB"]
    read: Callable[[Profile], Measure]
    better: Literal["lower", "higher"] = "lower"
    exact: bool = True
    """Under replay the same on every machine."""
    adds_up: bool = True
    """The numbers of several tests make a total."""
    part_of: str = ""
    """The metric of the whole, if less of this part is worse only where more of the whole is left without it: the rest."""
    slack: Slack | None = None
    """Of the gate on the baseline; None: it is shown there and gates only where somebody asks for it."""

    @property
    def one(self) -> str:
        """The label beside a 1: `LLM call`."""
        if self.unit == "ms":
            return self.label
        return f"{self.label[:-3]}y" if self.label.endswith("ies") else self.label.removesuffix("s")

    @property
    def timed(self) -> bool:
        """It depends on how a replay waits."""
        return self.unit == "ms" or self.name == "tool_overlap"


@lru_cache(maxsize=1 << 12, typed=True)  # most numbers of most tests are 0, 1 or those of another test
def _known(value: Number) -> Measure:
    return Measure(value=value)


def _ms(ns: int) -> int:
    """Nanoseconds to whole milliseconds, half up."""
    return (ns + 500_000) // 1_000_000


def _untimed(profile: Profile, pick: Callable[[ModelCall], int | None]) -> str:
    """Why the times of these calls add up to nothing, or an empty string where all are known."""
    if profile.clock is ClockKind.INSTANT:
        return "the cassette was replayed at once (pace=instant)"
    missing = [call for call in profile.calls if pick(call) is None]
    if not missing:
        return ""
    few = f"{len(missing)} of {len(profile.calls)} LLM calls"
    if all(call.timing is Timing.STATED for call in missing):
        return f"the end of {few} is not in the cassette: for a streamed answer the provider states its first byte only"
    return f"{few} came without timing: the cassette holds none and the provider stated none"


def _latency(profile: Profile) -> Measure:
    why = _untimed(profile, lambda call: call.duration_ns)
    return Measure(value=None, why=why) if why else _known(_ms(profile.latency_ns))


def _ttft(profile: Profile) -> Measure:
    if why := _untimed(profile, lambda call: call.ttft_ns):
        return Measure(value=None, why=why)
    if not profile.calls:
        return Measure(value=None, why="there was no LLM call")
    return _known(_ms(max(call.ttft_ns or 0 for call in profile.calls)))


def _llm_time(profile: Profile) -> Measure:
    if why := _untimed(profile, lambda call: call.duration_ns):
        return Measure(value=None, why=why)
    return _known(_ms(sum(call.duration_ns or 0 for call in profile.calls)))


def _memory(profile: Profile) -> Measure:
    if profile.peak_memory is None:
        return Measure(
            value=None, why="it is measured in tests that limit it, with max_memory(mb), and told when they end"
        )
    return _known(round(profile.peak_memory / 1e6, 3))


def _of_tools(read: Callable[[list[Span]], int], *, timed: bool = True) -> Callable[[Profile], Measure]:
    """A number of the tools' runs; unknown where some ran unseen."""

    def measure(profile: Profile) -> Measure:
        if timed and profile.clock is ClockKind.INSTANT:
            return Measure(value=None, why="the cassette was replayed at once (pace=instant)")
        runs = [span for span in profile.spans if span.kind is SpanKind.TOOL]
        blind = len({span.call for span in profile.spans if span.kind is SpanKind.WINDOW})
        if not runs and not blind:  # where nobody watches there are no windows either
            blind = sum(bool(call.tool_calls) for call in profile.calls[:-1])
        if blind:
            return Measure(
                value=None, why=f"nobody saw the tools run that {blind} of {len(profile.calls)} LLM calls asked for"
            )
        return _known(read(runs))

    return measure


def _sequential_loss(profile: Profile) -> Measure:
    if profile.clock is ClockKind.INSTANT:
        return Measure(value=None, why="the cassette was replayed at once (pace=instant)")
    continued = [call.index for call in profile.calls[:-1] if len(call.tool_calls) > 1]
    seen = Counter(span.call for span in profile.spans if span.kind is SpanKind.TOOL) if continued else {}
    if blind := sum(seen[call] < 2 for call in continued):
        return Measure(
            value=None, why=f"nobody saw the tools run that {blind} of {len(profile.calls)} LLM calls asked for"
        )
    lost = [f.lost_ms or 0 for f in profile.findings if f.code == SEQUENTIAL and f.gating]
    return _known(round(sum(lost)))


SEQUENTIAL = "AP101"


def _tokens(count: Callable[[Usage], int | None]) -> Callable[[Profile], Measure]:
    """A sum over the calls that were answered; one that does not say makes it unknown."""

    def read(profile: Profile) -> Measure:
        value, estimated = 0, False
        for call in profile.calls:
            if call.error is None:
                usage = call.usage or _UNSAID
                if (number := count(usage)) is None:
                    return Measure(value=None, why=_silent(profile, count))
                value += number
                estimated = estimated or usage.estimated
        return Measure(value=value, estimated=True) if estimated else _known(value)

    return read


def _silent(profile: Profile, count: Callable[[Usage], int | None]) -> str:
    models = [call.model for call in profile.calls if call.error is None and count(call.usage or _UNSAID) is None]
    few = f"{len(models)} of {len(profile.calls)} LLM calls"
    return f"{few} came without usage ({', '.join(dict.fromkeys(models))})"


_UNSAID = Usage()


def _part(name: str) -> Callable[[Profile], Measure]:
    """A part of a bucket: 0 where calls with usage leave it out."""
    part = attrgetter(name)
    return _tokens(lambda usage: None if usage.total is None else part(usage) or 0)


def _cost(profile: Profile) -> Measure:
    costs = [call.cost for call in profile.calls if call.error is None]
    reasons = dict.fromkeys(cost.note if cost else "not priced" for cost in costs if cost is None or cost.usd is None)
    if reasons:
        return Measure(value=None, why="; ".join(reasons))
    known = [cost for cost in costs if cost and cost.usd is not None]
    return Measure(
        value=sum((cost.usd for cost in known if cost.usd is not None), Decimal(0)),
        estimated=any(cost.estimated for cost in known),
    )


def retried(calls: Iterable[ModelCall]) -> dict[int, int]:
    """The calls that ask again what failed the last time that it was asked: their `index` to that of the failed one."""
    calls = list(calls)
    if all(call.error is None for call in calls):
        return {}
    failed: dict[tuple[object, ...], int | None] = {}
    again = {}
    for call in calls:
        asked = (call.api, call.requested_model, call.prompt)
        before = failed.get(asked)
        if before is not None:
            again[call.index] = before
        failed[asked] = call.index if call.error is not None else None
    return again


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="latency", title="latency", label="latency", unit="ms", read=_latency, slack=_TIME),
        Metric(
            name="ttft", title="ttft", label="time to first token", unit="ms", read=_ttft, adds_up=False, slack=_TIME
        ),
        Metric(name="llm_time", title="LLM time", label="LLM time", unit="ms", read=_llm_time),
        Metric(
            name="tool_time",
            title="tool time",
            label="tool time",
            unit="ms",
            read=_of_tools(lambda runs: _ms(sum(s.end_ns - s.start_ns for s in runs))),
        ),
        Metric(
            name="tool_overlap",
            title="at once",
            label="tools at once",
            unit="calls",
            read=_of_tools(lambda runs: most_at_once((span.start_ns, span.end_ns) for span in runs)),
            better="higher",
            adds_up=False,
        ),
        Metric(
            name="sequential_loss",
            title="lost",
            label="time lost to sequential tools",
            unit="ms",
            read=_sequential_loss,
        ),
        Metric(name="cpu", title="cpu", label="CPU time", unit="ms", read=lambda p: _known(_ms(p.cpu_ns)), exact=False),
        Metric(name="memory", title="memory", label="peak memory", unit="MB", read=_memory, exact=False, adds_up=False),
        Metric(
            name="tokens",
            title="tokens",
            label="tokens",
            unit="tokens",
            read=_tokens(lambda usage: usage.total),
            slack=_TOKENS,
        ),
        Metric(
            name="input_tokens",
            title="input",
            label="input tokens",
            unit="tokens",
            read=_tokens(lambda usage: usage.input),
            slack=_TOKENS,
        ),
        Metric(
            name="output_tokens",
            title="output",
            label="output tokens",
            unit="tokens",
            read=_tokens(lambda usage: usage.output),
            slack=_TOKENS,
        ),
        Metric(
            name="cache_read_tokens",
            title="cached",
            label="cached input tokens",
            unit="tokens",
            read=_part("cache_read"),
            better="higher",
            part_of="input_tokens",
            slack=_TOKENS,
        ),
        Metric(
            name="reasoning_tokens", title="reasoning", label="reasoning tokens", unit="tokens", read=_part("reasoning")
        ),
        Metric(
            name="cost",
            title="cost",
            label="cost",
            unit="USD",
            read=_cost,
            slack=Slack(percent=2, floor=Decimal("0.0001")),
        ),
        Metric(
            name="llm_calls",
            title="LLM",
            label="LLM calls",
            unit="calls",
            read=lambda p: _known(len(p.calls)),
            slack=_ANY,
        ),
        Metric(
            name="turns",
            title="turns",
            label="turns",
            unit="turns",
            read=lambda p: _known(max((c.turn for c in p.calls), default=0)),
            slack=_ANY,
        ),
        Metric(
            name="tool_calls",
            title="tool",
            label="tool calls",
            unit="calls",
            read=lambda p: _known(sum(len(c.tool_calls) for c in p.calls)),
            slack=_ANY,
        ),
        Metric(name="tool_runs", title="ran", label="tool runs", unit="calls", read=_of_tools(len, timed=False)),
        Metric(
            name="retries",
            title="retries",
            label="retries",
            unit="calls",
            read=lambda p: _known(len(retried(p.calls))),
            slack=_ANY,
        ),
        Metric(
            name="request_bytes",
            title="sent",
            label="request bytes",
            unit="bytes",
            read=lambda p: _known(sum(c.request_size for c in p.calls)),
            slack=Slack(percent=2, floor=256),
        ),
        Metric(
            name="response_bytes",
            title="received",
            label="response bytes",
            unit="bytes",
            read=lambda p: _known(sum(c.response_size for c in p.calls)),
        ),
    )
}


Measures = Mapping[str, Measure]
"""By the names of `METRICS`."""


def measured(profile: Profile) -> Measures:
    """Every number of a profile."""
    return {name: metric.read(profile) for name, metric in METRICS.items()}


def known_numbers(profile: Profile) -> dict[str, Number]:
    """Every number of a profile that is known, by its name in `METRICS`."""
    return {name: measure.value for name, measure in measured(profile).items() if measure.value is not None}


def format_number(name: str, value: Number | None) -> str:
    """A number beside its metric's label, which says what is counted: only times and money have a unit of their own."""
    unit = METRICS[name].unit
    return format_value(value, unit if unit in ("ms", "USD") else "")


def format_amount(name: str, amount: Number) -> str:
    """What is more or less of a metric: `+1,200 ms latency`, `+1 LLM call`, `-$0.0012`."""
    metric, size = METRICS[name], -amount if amount < 0 else amount
    label = metric.one if size == 1 else metric.label
    return f"{'-' if amount < 0 else '+'}{format_number(name, size)}{'' if metric.unit == 'USD' else f' {label}'}"
