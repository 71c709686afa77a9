"""A hard stop in mid-run: the LLM call that would go over the budget is not sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from threading import RLock

from pytest_agentperf.judge.checks import BadLimit, parse
from pytest_agentperf.judge.limits import LimitExceeded, check
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.limit import Limit
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.recording import Reading, Recording
from pytest_agentperf.model.scope import categories, narrow
from pytest_agentperf.model.span import Span, SpanKind, upwards
from pytest_agentperf.model.usage import Usage, total
from pytest_agentperf.price.cost import OwnPrice, price
from pytest_agentperf.price.tokens import estimate
from pytest_agentperf.record.recorder import Stop

WHOLE_TEST = None


class BudgetExceeded(Stop):
    """Raised in place of an LLM call. Not an `Exception`: neither an SDK's retries nor an agent's `except` eat it."""


@dataclass(slots=True, repr=False)
class TokenBudget:
    """What a test, and each of its timers, may spend.

        token_budget(max_tokens=20_000, max_cost_usd="0.05")
        token_budget.set("planning", max_tokens=5_000)

    Counted are the tokens used so far plus the prompt of the next call: its recorded size under replay, an estimate
    against a live provider. The answer is counted when it came.
    """

    _recording: Callable[[], Recording]
    """The test so far."""
    _own_prices: Mapping[str, OwnPrice] = field(default_factory=dict)
    _limits: dict[tuple[str | None, str], Limit] = field(default_factory=dict)
    _sent: dict[int, Usage] = field(default_factory=dict)
    """Prompts let through, by `ModelCall.index`."""
    _landed: dict[int, ModelCall] = field(default_factory=dict)
    """Answered calls, counted and priced, by `ModelCall.index`: each is looked at once."""
    _lock: RLock = field(default_factory=RLock)

    def __repr__(self) -> str:
        """What pytest shows of a fixture beside a failure."""
        return f"<{', '.join([limit.text for limit in self._limits.values()] or ['token_budget'])}: {self.used:,} tokens used>"

    def __call__(
        self, *, max_tokens: int | None = None, max_cost_usd: str | float | Decimal | None = None
    ) -> TokenBudget:
        """Set the budget of the whole test."""
        return self._set(WHOLE_TEST, "token_budget", max_tokens, max_cost_usd)

    def set(
        self, category: str, *, max_tokens: int | None = None, max_cost_usd: str | float | Decimal | None = None
    ) -> TokenBudget:
        """Set the budget of the timers that answer to `category`, taken together."""
        return self._set(category, "token_budget.set", max_tokens, max_cost_usd)

    def _set(self, category: str | None, name: str, max_tokens: object, max_cost_usd: object) -> TokenBudget:
        given = {"max_tokens": max_tokens, "max_cost_usd": max_cost_usd}
        if all(value is None for value in given.values()):
            raise ValueError(f"{name}: expected max_tokens, max_cost_usd or both")
        for key, marker in (("max_tokens", "max_tokens"), ("max_cost_usd", "max_cost")):
            if (value := given[key]) is None:
                continue
            try:
                (bound,) = parse(marker, (value,), {})
            except BadLimit as problem:
                raise ValueError(f"{name}: {key}: {problem}") from None
            written = f"{category!r}, {key}={value!r}" if category else f"{key}={value!r}"
            self._landed.clear()  # from now on they may have to be priced
            self._limits[category, bound.metric] = Limit(
                metric=bound.metric,
                bound=bound.bound,
                within=category,
                text=f"{name}({written})",
                source="",
                explicit=False,
            )
        return self

    @property
    def used(self) -> int:
        """Tokens so far, input and output; estimates where the wire does not say."""
        return _tokens(self._spent())

    @property
    def used_usd(self) -> Decimal:
        """US dollars so far, as far as prices are known."""
        return self._usd(self._spent())

    @property
    def remaining(self) -> int | None:
        """Tokens left for the test; None without a limit on tokens."""
        limit = self._limits.get((WHOLE_TEST, "tokens"))
        return None if limit is None else int(limit.bound) - self.used

    @property
    def remaining_usd(self) -> Decimal | None:
        """US dollars left for the test; None without a limit on cost."""
        limit = self._limits.get((WHOLE_TEST, "cost"))
        return None if limit is None else Decimal(limit.bound) - self.used_usd

    @property
    def counts_money(self) -> bool:
        return any(limit.metric == "cost" for limit in self._limits.values())

    def check(self, category: str | None = None) -> None:
        """Raise LimitExceeded (an AssertionError) if the test, or the timers of a category, have spent too much."""
        limits = [limit for (scope, _), limit in self._limits.items() if scope == category]
        if not limits:
            known = sorted(scope for scope, _ in self._limits if scope) or "none"
            raise ValueError(f"token_budget.check({category!r}): no such budget; set: {known}")
        if violations := check(self._spent(), limits):
            raise LimitExceeded(violations)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What holds at the end of the test. A category that was never entered spent nothing and breaks nothing."""
        spent = self._spent()
        return tuple(limit for limit in self._limits.values() if not limit.within or narrow(spent, limit.within))

    def gate(self, reading: Reading) -> None:
        """Stop the call if its prompt does not fit. Raises BudgetExceeded.

        The usage of the reading is that of the recorded answer; live it is None.
        """
        if not self._limits:
            return
        with self._lock:
            call = replace(reading.call, usage=replace(reading.call.usage or estimate(reading), output=0))
            whole = self._spent(without=call.index)
            around = _around(whole.spans, call.span)
            for limit in self._limits.values():
                if limit.within is WHOLE_TEST:
                    self._admit(limit, whole, call, len(whole.calls) + 1)
                elif limit.within in around:
                    self._admit(limit, narrow(whole, limit.within) or whole, call, len(whole.calls) + 1)
            if call.usage:
                self._sent[call.index] = call.usage

    def _admit(self, limit: Limit, spent: Profile, call: ModelCall, nth: int) -> None:
        prompt = call.usage or Usage()
        used: int | Decimal = _tokens(spent)
        more: int | Decimal = prompt.input or 0
        if limit.metric == "cost":
            used = self._usd(spent)
            more = price(call, self._own_prices).usd or Decimal(0)
        if used + more <= limit.bound:
            return
        unit = METRICS[limit.metric].unit
        raise BudgetExceeded(
            f"{limit.text}: LLM call {nth} ({call.model}) was not sent: {format_value(used, unit)} used, its prompt "
            f"would have cost {format_value(more, unit, estimated=prompt.estimated)} more, "
            f"{format_value(limit.bound, unit)} allowed"
        )

    def _usd(self, spent: Profile) -> Decimal:
        costs = (call.cost or price(call, self._own_prices) for call in spent.calls if call.error is None)
        return sum((cost.usd for cost in costs if cost.usd is not None), Decimal(0))

    def _spent(self, without: int = -1) -> Profile:
        """The calls so far, those in flight with their prompts; priced where money is limited."""
        recording = self._recording()
        readings = (reading for reading in recording.readings if reading.call.index != without)
        return Profile(nodeid="", calls=tuple(map(self._counted, readings)), spans=recording.spans)

    def _counted(self, reading: Reading) -> ModelCall:
        call = reading.call
        if call.error is not None:
            return call
        if known := self._landed.get(call.index):
            return known
        landed = call.status is not None
        if call.usage is None:
            call = replace(call, usage=estimate(reading) if landed else self._sent.get(call.index, Usage()))
        if self.counts_money:
            call = replace(call, cost=price(call, self._own_prices))
        if landed:
            self._landed[call.index] = call
        return call


def _around(spans: Sequence[Span], innermost: int | None) -> set[str]:
    """What the timers around a span, and it itself, answer to."""
    around = upwards({span.id: span for span in spans}, innermost)
    return {name for span in around if span.kind is SpanKind.TIMER for name in categories(span.name)}


def _tokens(profile: Profile) -> int:
    usage = total([call.usage for call in profile.calls if call.usage and call.error is None])
    return (usage.input or 0) + (usage.output or 0)
