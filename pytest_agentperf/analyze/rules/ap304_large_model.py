"""A costly model gave an answer that a cheaper one gave as well: the same prompt went to both in this run, and the answers are
equal to the byte. And where you set a limit (`agentperf_thresholds = share=60`, in percent): one operation makes up more of the
cost than that. An operation is the innermost timer around a call (`profiler.timer("llm:planning")`), else what is asked of
which model.

Classifications, routing, extraction and yes-or-no questions are often answered alike by a model at a tenth of the price and
in a third of the time. This rule only reports what it saw, an equal answer to an equal prompt, or a share; it does not guess.

Use the cheaper model for this step, and let a test of the answers watch over it. Where both are asked on purpose (a
comparison, a fallback), say `@pytest.mark.agentperf(ignore="AP304")`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import Span, SpanKind, upwards


def find(profile: Profile) -> Iterator[Finding]:
    yield from _answered_alike(profile)
    yield from _shares(profile)


def _answered_alike(profile: Profile) -> Iterator[Finding]:
    groups: dict[tuple[object, ...], list[tuple[Decimal, ModelCall]]] = {}
    for call in profile.calls:
        if call.error is None and call.answer_digest and call.cost and call.cost.usd is not None:
            prompt = call.prompt
            asked = (
                prompt.system_digest,
                prompt.tools_digest,
                tuple(m.digest for m in prompt.messages),
                call.answer_digest,
            )
            groups.setdefault(asked, []).append((call.cost.usd, call))
    for alike in groups.values():
        cheap, small = min(alike, key=lambda pair: pair[0])
        for usd, large in alike:
            if large.requested_model != small.requested_model and usd > 2 * cheap:
                yield RULE.finding(
                    f"{large.model} answered for {format_value(usd, 'USD')} what {small.model} answered alike for "
                    f"{format_value(cheap, 'USD')}",
                    fix=f"ask {small.model} for this, and let a test of the answers watch over it",
                    lost_usd=usd - cheap,
                    calls=(large.index, small.index),
                )


def _shares(profile: Profile) -> Iterator[Finding]:
    """Of operations, where there are several and the cost of all is known."""
    most = profile.thresholds.cost_share
    if most is None:
        return
    spans = {span.id: span for span in profile.spans}
    costs: dict[str, list[tuple[Decimal, ModelCall]]] = {}
    for call in profile.calls:
        if call.error is None:
            if call.cost is None or call.cost.usd is None:
                return
            costs.setdefault(_operation(call, spans), []).append((call.cost.usd, call))
    total = sum((usd for group in costs.values() for usd, _ in group), Decimal(0))
    for operation, group in costs.items() if len(costs) > 1 else ():
        usd = sum((usd for usd, _ in group), Decimal(0))
        if usd > total * most / 100:
            yield RULE.finding(
                f"{operation} makes up {usd / total:.0%} of the cost ({format_value(usd, 'USD')} of "
                f"{format_value(total, 'USD')}), which is over {most}%",
                fix="a smaller model for it, a shorter prompt, or fewer calls",
                cause=operation,
                lost_usd=usd,
                calls=tuple(call.index for _, call in group),
            )


def _operation(call: ModelCall, spans: Mapping[int, Span]) -> str:
    timers = (span.name for span in upwards(spans, call.span) if span.kind is SpanKind.TIMER)
    return next(timers, f"{call.operation} with {call.model}")


RULE = Rule(
    code="AP304",
    name="large-model",
    headline="a costly model where a cheap one answers alike, and operations that cost most",
    find=find,
    prices=True,
)
