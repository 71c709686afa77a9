"""The table of numbers. A row here can be limited, compared, shown and stored; nothing else needs to know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Literal, NamedTuple

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.number import Number, format_value
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import Span
from pytest_agentperf.model.stretch import most_at_once
from pytest_agentperf.model.usage import Usage


class Measure(NamedTuple):
    """A number, or the reason why there is none. A tuple, for a run of thousands of tests makes twenty times as many."""

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


def _ms(ns: int) -> int:
    """Nanoseconds to whole milliseconds, half up."""
    return (ns + 500_000) // 1_000_000


_AT_ONCE = Measure(None, "the cassette was replayed at once (pace=instant)")
_NOT_ASKED = Measure(None, "it is measured in tests that limit it, with max_memory(mb), and told when they end")
_NO_CALL = Measure(None, "there was no LLM call")


def _of_times(name: str, read: Callable[[Profile, list[int]], int | None]) -> Callable[[Profile], Measure]:
    """Milliseconds from that time of each call; unknown where one of them is."""
    time = attrgetter(name)

    def measure(profile: Profile) -> Measure:
        if profile.clock is ClockKind.INSTANT:
            return _AT_ONCE
        times = [*map(time, profile.calls)]
        if None in times:
            return Measure(None, _untimed(profile, times))
        ns = read(profile, times)
        return _NO_CALL if ns is None else Measure(_ms(ns))

    return measure


def _untimed(profile: Profile, times: Sequence[int | None]) -> str:
    """Why these times of its calls add up to nothing."""
    missing = [call for call, ns in zip(profile.calls, times, strict=True) if ns is None]
    few = f"{len(missing)} of {len(profile.calls)} LLM calls"
    if all(call.timing is Timing.STATED for call in missing):
        return f"the end of {few} is not in the cassette: for a streamed answer the provider states its first byte only"
    return f"{few} came without timing: the cassette holds none and the provider stated none"


def _memory(profile: Profile) -> Measure:
    return _NOT_ASKED if profile.peak_memory is None else Measure(round(profile.peak_memory / 1e6, 3))


def _of_tools(read: Callable[[Sequence[Span]], int], *, timed: bool = True) -> Callable[[Profile], Measure]:
    """A number of the tools' runs; unknown where some ran unseen."""

    def measure(profile: Profile) -> Measure:
        if timed and profile.clock is ClockKind.INSTANT:
            return _AT_ONCE
        blind = profile.unseen_tools
        return Measure(None, _unseen(profile, blind)) if blind else Measure(read(profile.tools))

    return measure


def _unseen(profile: Profile, blind: int) -> str:
    return f"nobody saw the tools run that {blind} of {len(profile.calls)} LLM calls asked for"


def _sequential_loss(profile: Profile) -> Measure:
    if profile.clock is ClockKind.INSTANT:
        return _AT_ONCE
    continued = [call.index for call in profile.calls[:-1] if len(call.tool_calls) > 1]
    seen = Counter(span.call for span in profile.tools) if continued else {}
    if blind := sum(seen[call] < 2 for call in continued):
        return Measure(None, _unseen(profile, blind))
    lost = [f.lost_ms or 0 for f in profile.findings if f.code == SEQUENTIAL and f.gating]
    return Measure(round(sum(lost)))


SEQUENTIAL = "AP101"


def _tokens(name: str) -> Callable[[Profile], Measure]:
    """A sum over the calls that were answered; one that does not say makes it unknown."""
    count = attrgetter(name)

    def read(profile: Profile) -> Measure:
        usage = profile.usage
        value = count(usage)
        return Measure(None, _silent(profile, count)) if value is None else Measure(value, "", usage.estimated)

    return read


def _part(name: str) -> Callable[[Profile], Measure]:
    """A part of a bucket: 0 where calls with usage leave it out."""
    part = attrgetter(name)

    def read(profile: Profile) -> Measure:
        usage = profile.usage
        if usage.total is None:
            return Measure(None, _silent(profile, _TOTAL))
        return Measure(part(usage) or 0, "", usage.estimated)

    return read


_TOTAL = attrgetter("total")


def _silent(profile: Profile, count: Callable[[Usage], int | None]) -> str:
    answered = [call for call in profile.calls if call.error is None]
    models = [call.model for call in answered if call.usage is None or count(call.usage) is None]
    few = f"{len(models)} of {len(profile.calls)} LLM calls"
    return f"{few} came without usage ({', '.join(dict.fromkeys(models))})"


def _cost(profile: Profile) -> Measure:
    costs = [call.cost for call in profile.calls if call.error is None]
    known = [cost.usd for cost in costs if cost is not None and cost.usd is not None]
    if len(known) < len(costs):
        missing = [cost for cost in costs if cost is None or cost.usd is None]
        why = "; ".join(dict.fromkeys(cost.note if cost else "not priced" for cost in missing))
        return Measure(None, why)
    return Measure(value=sum(known, _NOTHING), estimated=any(cost.estimated for cost in costs if cost))


_NOTHING = Decimal(0)


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
        Metric(
            name="latency",
            title="latency",
            label="latency",
            unit="ms",
            read=_of_times("duration_ns", lambda profile, _: profile.latency_ns),
            slack=_TIME,
        ),
        Metric(
            name="ttft",
            title="ttft",
            label="time to first token",
            unit="ms",
            read=_of_times("ttft_ns", lambda _, times: max(times, default=None)),
            adds_up=False,
            slack=_TIME,
        ),
        Metric(
            name="llm_time",
            title="LLM time",
            label="LLM time",
            unit="ms",
            read=_of_times("duration_ns", lambda _, times: sum(times)),
        ),
        Metric(
            name="tool_time",
            title="tool time",
            label="tool time",
            unit="ms",
            read=_of_tools(lambda runs: _ms(sum([s.end_ns - s.start_ns for s in runs]))),
        ),
        Metric(
            name="tool_overlap",
            title="at once",
            label="tools at once",
            unit="calls",
            read=_of_tools(lambda runs: most_at_once([(span.start_ns, span.end_ns) for span in runs])),
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
        Metric(
            name="cpu", title="cpu", label="CPU time", unit="ms", read=lambda p: Measure(_ms(p.cpu_ns)), exact=False
        ),
        Metric(name="memory", title="memory", label="peak memory", unit="MB", read=_memory, exact=False, adds_up=False),
        Metric(
            name="tokens",
            title="tokens",
            label="tokens",
            unit="tokens",
            read=_tokens("total"),
            slack=_TOKENS,
        ),
        Metric(
            name="input_tokens",
            title="input",
            label="input tokens",
            unit="tokens",
            read=_tokens("input"),
            slack=_TOKENS,
        ),
        Metric(
            name="output_tokens",
            title="output",
            label="output tokens",
            unit="tokens",
            read=_tokens("output"),
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
            read=lambda p: Measure(len(p.calls)),
            slack=_ANY,
        ),
        Metric(
            name="turns",
            title="turns",
            label="turns",
            unit="turns",
            read=lambda p: Measure(max([c.turn for c in p.calls], default=0)),
            slack=_ANY,
        ),
        Metric(
            name="tool_calls",
            title="tool",
            label="tool calls",
            unit="calls",
            read=lambda p: Measure(sum([len(c.tool_calls) for c in p.calls])),
            slack=_ANY,
        ),
        Metric(name="tool_runs", title="ran", label="tool runs", unit="calls", read=_of_tools(len, timed=False)),
        Metric(
            name="retries",
            title="retries",
            label="retries",
            unit="calls",
            read=lambda p: Measure(len(retried(p.calls))),
            slack=_ANY,
        ),
        Metric(
            name="request_bytes",
            title="sent",
            label="request bytes",
            unit="bytes",
            read=lambda p: Measure(sum([c.request_size for c in p.calls])),
            slack=Slack(percent=2, floor=256),
        ),
        Metric(
            name="response_bytes",
            title="received",
            label="response bytes",
            unit="bytes",
            read=lambda p: Measure(sum([c.response_size for c in p.calls])),
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
