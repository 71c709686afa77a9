"""A test against its baseline: which numbers changed, and which of them fail it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor

from pytest_agentperf.judge.limits import Failure
from pytest_agentperf.model.change import Change, Verdict
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.exchange import Origin
from pytest_agentperf.model.metric import METRICS, Measure, Metric, Slack, format_number
from pytest_agentperf.model.number import Number, format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.price.cost import OwnPrice, price


class Regressed(Failure):
    """A test does worse than its baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What somebody wrote of a metric; where it says nothing, `Metric.slack` holds."""

    gates: bool = True
    slack: Slack | None = None
    asked: bool = False
    """To gate even where the number is estimated or partly real."""


Thresholds = Mapping[str, Threshold]
"""By the names of `METRICS`."""

_SHOWN = Threshold(gates=False)
_NO_LUCK: Mapping[str, Number] = {}


class BadThreshold(ValueError):
    """A threshold that cannot be read; the message names the value and what is allowed."""


def read_thresholds(written: object) -> dict[str, Threshold]:
    """`{"latency": "5%", "cost": "off", "tokens": {"percent": 5, "floor": 100}, "llm_time": "on"}`. Raises BadThreshold."""
    if not isinstance(written, Mapping):
        raise BadThreshold(f"expected a mapping from metrics to thresholds, got {written!r}")
    held = [name for name, metric in METRICS.items() if metric.exact]
    for name in written:
        if name not in METRICS:
            raise BadThreshold(f"unknown metric {name!r}; allowed: {', '.join(held)}")
        if name not in held:
            raise BadThreshold(f"{name}: no baseline holds it, for it differs from run to run; max_{name} limits it")
    return {name: _threshold(METRICS[name], value) for name, value in written.items()}


def _threshold(metric: Metric, value: object) -> Threshold:
    if value is False or value == "off":
        return _SHOWN
    if value is True or value == "on":
        return Threshold(asked=True)
    parts: dict[object, object] = dict(value) if isinstance(value, Mapping) else {"percent": value}
    numbers = {key: _amount(part) for key, part in parts.items()}
    if not numbers or not numbers.keys() <= {"percent", "floor"} or None in numbers.values():
        raise BadThreshold(
            f"{metric.name}: expected on, off, a percentage (5 or 5%) or percent and floor (in {metric.unit}), got {value!r}"
        )
    usual = metric.slack or Slack()
    slack = Slack(percent=numbers.get("percent") or 0, floor=numbers.get("floor", usual.floor) or 0)
    return Threshold(slack=slack, asked=True)


def _amount(value: object) -> Number | None:
    """A number from 0, or a text of one with or without `%`; else None."""
    try:
        number = None if isinstance(value, bool) else Decimal(str(value).strip().removesuffix("%"))
    except ArithmeticError:
        return None
    return number if number is not None and number.is_finite() and number >= 0 else None


def priced(profile: Profile, own_prices: Mapping[str, OwnPrice]) -> Profile:
    """With what its calls cost by today's table: a new price is no regression."""
    return replace(profile, calls=tuple(replace(call, cost=price(call, own_prices)) for call in profile.calls))


def comparable(profile: Profile) -> str:
    """Why the numbers of a run say nothing beside a baseline; empty where they do."""
    if not profile.calls:
        return "it made no LLM call"
    live = sum(call.origin is not Origin.REPLAYED for call in profile.calls)
    return f"{live} of {len(profile.calls)} LLM calls were live, not replayed" if live else ""


def compare(
    base: Profile,
    head: Profile,
    thresholds: Thresholds,
    *,
    accepts: Collection[Verdict] = (),
    ratchet: bool = False,
    luck: Mapping[str, Number] = _NO_LUCK,
) -> tuple[Change, ...]:
    """What changed, in the order of `METRICS`; both sides are priced.

    `accepts`: verdicts that this run writes into the baseline, so that they fail nothing. `luck`: the part of a metric's
    change that comes from another recording of the same conversation, which never fails a test.
    """
    changes = []
    for name, metric in METRICS.items():
        was, now = metric.read(base), metric.read(head)
        threshold = thresholds.get(name, Threshold(gates=metric.slack is not None))
        if was.value is None or was.value == now.value or not (metric.exact or base.cpu_ns):
            continue
        if metric.timed and head.clock is not base.clock and not (threshold.asked and now.value is not None):
            continue
        change = _judged(metric, was.value, now, head, threshold)
        if metric.part_of and not threshold.asked:
            change = _by_the_rest(change, metric, base, head)
        if name in luck and not threshold.asked:
            change = _fair(change, metric, luck[name], threshold)
        if change.verdict is Verdict.REGRESSION and Verdict.REGRESSION in accepts:
            change = replace(change, verdict=Verdict.ACCEPTED)
        if change.verdict is Verdict.BETTER and ratchet and Verdict.BETTER not in accepts:
            change = replace(change, verdict=Verdict.UNRECORDED)
        changes.append(change)
    return tuple(changes)


def _judged(metric: Metric, was: Number, now: Measure, head: Profile, threshold: Threshold) -> Change:
    slack = threshold.slack or metric.slack or Slack()
    limit = allowed(was, slack, metric.better)
    change = Change(
        metric=metric.name, was=was, now=now.value, limit=limit, unit=metric.unit, verdict=Verdict.WITHIN, why=now.why
    )
    if now.value is None:
        worse = threshold.gates and head.calls  # of no call there is nothing to know
        return replace(change, verdict=Verdict.REGRESSION if worse else Verdict.WITHIN)
    if not threshold.gates:
        return change
    if _is_worse(now.value, limit, metric):
        why = _why_not(metric, now, head, threshold)
        return replace(change, verdict=Verdict.NOT_JUDGED if why else Verdict.REGRESSION, why=why)
    if _is_better(was, now.value, slack, metric):
        why = _why_not(metric, now, head, threshold)
        return replace(change, verdict=Verdict.WITHIN if why else Verdict.BETTER, why=why)
    return change


def _is_better(was: Number, now: Number, slack: Slack, metric: Metric) -> bool:
    room = allowed(was, slack, "lower" if metric.better == "higher" else "higher")
    return _is_worse(room, now, metric)


def _is_worse(value: Number, than: Number, metric: Metric) -> bool:
    return value < than if metric.better == "higher" else value > than


def allowed(was: Number, slack: Slack, better: str) -> Number:
    """The worst that a number may be: the percentage or the floor away from what it was, whichever is further."""
    exact = Decimal(str(was))
    room = max(abs(exact) * Decimal(str(slack.percent)) / 100, Decimal(str(slack.floor)))
    limit = exact - room if better == "higher" else exact + room
    if isinstance(was, int):
        return ceil(limit) if better == "higher" else floor(limit)
    return limit if isinstance(was, Decimal) else float(limit)


def _why_not(metric: Metric, now: Measure, head: Profile, threshold: Threshold) -> str:
    """Why a number that got worse fails nothing; empty where it does."""
    if not metric.exact and not threshold.asked:
        return "it differs from run to run"
    if now.estimated and not (threshold.asked or head.estimates_judge):
        return "it is estimated"
    if metric.timed and head.unmodelled and not threshold.asked:
        return f"it is partly real: {head.unmodelled[0]}"
    return ""


def _by_the_rest(change: Change, metric: Metric, base: Profile, head: Profile) -> Change:
    """A smaller part is no regression where the rest of the whole did not grow, nor a larger one better where it did not shrink."""
    was, now, others = _rest(metric, base), _rest(metric, head), f"the other {METRICS[metric.part_of].label} are no"
    if was is None or now is None:
        return change
    if change.verdict is Verdict.REGRESSION and now <= allowed(was, metric.slack or Slack(), "lower"):
        return replace(change, verdict=Verdict.WITHIN, why=f"{others} more")
    if change.verdict is Verdict.BETTER and now >= was:
        return replace(change, verdict=Verdict.WITHIN, why=f"{others} fewer")
    return change


def _rest(metric: Metric, profile: Profile) -> Number | None:
    part, whole = metric.read(profile).value, METRICS[metric.part_of].read(profile).value
    return None if part is None or whole is None else whole - part  # type: ignore[operator]


def _fair(change: Change, metric: Metric, luck: Number, threshold: Threshold) -> Change:
    """Neither worse nor better if it is not without what new recordings' answers add by length and speed alone."""
    if change.was is None or change.now is None or change.limit is None or not luck:
        return change
    fair = Decimal(str(change.now)) - Decimal(str(luck))
    why = f"{format_value(luck, metric.unit)} of it is the provider's luck with answers that were recorded again"
    slack = threshold.slack or metric.slack or Slack()
    if change.verdict is Verdict.REGRESSION:
        worse = _is_worse(fair, change.limit, metric)
        return change if worse else replace(change, verdict=Verdict.NOT_JUDGED, why=why)
    if change.verdict is Verdict.BETTER and not _is_better(change.was, fair, slack, metric):
        return replace(change, verdict=Verdict.WITHIN, why=why)
    return change


def sentence(change: Change) -> str:
    """`input tokens: 2,710 -> 3,310, 2,764 allowed`."""
    metric = METRICS[change.metric]
    was, now = (format_number(change.metric, value) for value in (change.was, change.now))
    if change.verdict is Verdict.UNRECORDED:
        return f"{metric.label}: {was} -> {now} is better and not recorded yet (--agentperf-ratchet)"
    if change.now is None:
        return f"{metric.label}: {was} -> unknown: {change.why}"
    most = "allowed" if metric.better == "lower" else "the least allowed"
    return f"{metric.label}: was {was}, is {now}, {format_number(change.metric, change.limit)} {most}"


def _short(change: Change) -> str:
    """`latency 3,824 -> 4,724 ms`: pytest's summary has room for no more."""
    was, now = (format_number(change.metric, value) for value in (change.was, change.now))
    return f"{METRICS[change.metric].label} {was.removesuffix(' ms')} -> {now}"


def _consequence(change: Change) -> bool:
    """Whether it may come from another change: a call more takes time and tokens."""
    return METRICS[change.metric].unit not in ("calls", "turns")


def describe(changes: Iterable[Change], shown: str, nodeid: str, why: Sequence[str] = ()) -> str:
    """The message of a test that fails: one line a number, why, and how to accept it. `shown`: ` in <file>` or nothing."""
    failing = [change for change in changes if change.verdict.fails]
    categories = dict.fromkeys("better" if c.verdict is Verdict.UNRECORDED else "worse" for c in failing)
    head = "worse than the baseline" if "worse" in categories else "better than the baseline"
    more = f" and {len(failing) - 1} more" if failing[1:] else ""
    return "\n".join(
        [
            f"{_short(min(failing, key=_consequence))}{more}: {head}{shown}",
            *(f"  {sentence(change)}" for change in failing),
            *(f"  why: {line}" for line in why),
            *(
                [f"  if this is meant: pytest {nodeid} --agentperf --agentperf-update={','.join(categories)}"]
                if nodeid
                else []
            ),
        ]
    )
