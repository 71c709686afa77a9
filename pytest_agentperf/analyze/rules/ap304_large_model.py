"""A costly model gave an answer that a cheaper one gave as well: the same prompt went to both in this run, and the answers are
equal to the byte.

Classifications, routing, extraction and yes-or-no questions are often answered alike by a model at a tenth of the price and
in a third of the time. This rule only reports what it saw, an equal answer to an equal prompt; it does not guess.

Use the cheaper model for this step, and let a test of the answers watch over it. Where both are asked on purpose (a
comparison, a fallback), say `@pytest.mark.agentperf(ignore="AP304")`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.metric import format_value
from pytest_agentperf.model.profile import Profile


def find(profile: Profile) -> Iterator[Finding]:
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


RULE = Rule(code="AP304", name="large-model", headline="a costly model where a cheap one answers alike", find=find)
