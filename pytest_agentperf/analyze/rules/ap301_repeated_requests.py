"""The same request was sent more than once in one run: model, system prompt, tools and messages are equal to the byte, and the
first one was answered. Retries after a failure do not count (they are AP305).

Whoever asks the same question gets, at best, the same answer, and pays for it again in time, tokens and money. Mostly it is a
lookup that a loop repeats (a classification per item, a plan per step), or two parts of an agent that do not know of each other.

Keep the answer: `functools.cache` around the function that asks, or a dictionary by prompt. Where the samples are meant
(self-consistency), ask for them at once with `n=`, or say `@pytest.mark.agentperf(ignore="AP301")`; requests that were under
way at the same time are taken for samples, and are a hint only.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule, cost_of
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile


def find(profile: Profile) -> Iterator[Finding]:
    groups: dict[tuple[object, ...], list[ModelCall]] = {}
    for call in profile.calls:
        if call.error is None and call.status is not None and call.prompt.messages:
            asked = (call.api, call.requested_model, call.prompt, call.request_size)
            groups.setdefault(asked, []).append(call)
    for first, *again in groups.values():
        if again:
            yield RULE.finding(
                f"the same request to {first.model} was sent {len(again) + 1} times",
                fix="keep the answer and use it again",
                calls=(first.index, *(call.index for call in again)),
                gating=not _at_once(first, again),
                **cost_of(again, profile),
            )


def _at_once(first: ModelCall, again: list[ModelCall]) -> bool:
    return any(first.end_ns is not None and first.start_ns <= call.start_ns < first.end_ns for call in again)


RULE = Rule(code="AP301", name="repeated-requests", headline="identical LLM requests in one run", find=find)
