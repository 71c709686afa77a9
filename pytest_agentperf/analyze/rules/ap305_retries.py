"""LLM calls that failed and were asked again: how often, why, and the time from the first try to the next, pauses included.

Retries hide. SDKs make two of them without a word, after half a second or after what the provider's `retry-after` says; a
framework around it may make its own. A run that meets one rate limit takes seconds longer than its recording says elsewhere.

Look at the reason. *429*: fewer calls at once, or a larger quota. *5xx and time-outs*: a shorter time-out and another
provider. A request that is wrong (400) fails each time: do not repeat it. `max_retries=0` on the client shows failures at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.metric import retried
from pytest_agentperf.model.profile import ClockKind, Profile


def find(profile: Profile) -> Iterator[Finding]:
    calls = {call.index: call for call in profile.calls}
    pairs = [(calls[failed], calls[again]) for again, failed in retried(profile.calls).items()]
    if not pairs:
        return
    reasons = Counter(str(failed.status) if failed.status else plain(failed.error or "") for failed, _ in pairs)
    lost = sum(again.start_ns - failed.start_ns for failed, again in pairs)
    tokens = sum(failed.usage.total or 0 for failed, _ in pairs if failed.usage)
    yield RULE.finding(
        f"{len(pairs)} of {len(calls)} LLM calls asked again what had failed "
        f"({', '.join(f'{count} x {reason}' for reason, count in reasons.most_common(3))})",
        fix="look at the reason: fewer calls at once for 429, another provider or a shorter time-out for what fails often",
        lost_ms=lost / 1e6 if profile.clock is not ClockKind.INSTANT and lost else None,
        lost_tokens=tokens or None,
        calls=tuple(index for failed, again in pairs for index in (failed.index, again.index)),
    )


RULE = Rule(code="AP305", name="retries", headline="LLM calls that failed and were asked again", find=find)
