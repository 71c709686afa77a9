"""A conversation whose prompts make up over 80 % of its tokens and grow with each turn, without a cache that serves them. The
rule names what grows: tool results, the model's own words, or what users say.

Each turn sends everything again, so that the input of n turns grows with the square of n. A tool that returns a whole page
where a line would do is paid for in every turn that follows.

Shorten tool results before they enter the conversation (the fields that are needed, the first lines, a summary), drop or
summarise old ones in large steps, and let the provider cache the rest (Anthropic: `cache_control`; OpenAI caches by itself
what begins alike, see AP302).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.analyze.turns import continues
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_TURNS = 3
_SHARE = 0.8
_LEAST_TOKENS = 4_000
"""In all; a shorter conversation is cheap whatever it consists of."""
_LEAST_PROMPT = 1_024
"""Of the last one: what providers begin to cache, and to charge noticeably."""
_GROWTH = 2
_WORDS = {"tool": "tool results", "user": "user messages", "assistant": "the model's own answers"}


def find(profile: Profile) -> Iterator[Finding]:
    for chain in _chains(profile.calls):
        inputs = [_paid(call) for call in chain]
        outputs = [call.usage.output or 0 for call in chain if call.usage]
        total = sum(inputs) + sum(outputs)
        growing = all(a < b for a, b in pairwise(inputs)) and inputs[-1] >= max(_GROWTH * inputs[0], _LEAST_PROMPT)
        if len(chain) >= _TURNS and growing and total >= _LEAST_TOKENS and sum(inputs) > _SHARE * total:
            yield RULE.finding(
                f"{sum(inputs) / total:.0%} of {total:,} tokens are input that no cache served, and it grew from "
                f"{inputs[0]:,} to {inputs[-1]:,} tokens in {len(chain)} turns, {_growing(chain)}",
                fix="shorten tool results before they enter the conversation, drop old ones, and let the provider cache the rest",
                lost_tokens=sum(inputs) - inputs[-1],
                calls=tuple(call.index for call in chain),
            )


def _chains(calls: tuple[ModelCall, ...]) -> Iterator[list[ModelCall]]:
    """Conversations, each as long as it went."""
    used: set[int] = set()
    chats = [
        call for call in calls if call.error is None and call.usage and call.usage.input and not call.usage.estimated
    ]
    for first in chats:
        if first.index in used:
            continue
        chain = [first]
        for call in chats:
            if call.index not in used and continues(call, chain[-1]):
                chain.append(call)
                used.add(call.index)
        yield chain


def _paid(call: ModelCall) -> int:
    """Input tokens at the full price."""
    return (call.usage.input or 0) - (call.usage.cache_read or 0) if call.usage else 0


def _growing(chain: list[ModelCall]) -> str:
    """What most of the bytes are that came after the first request."""
    grown = chain[-1].prompt.messages[len(chain[0].prompt.messages) :]
    sizes = Counter[str]()
    results = {result.size for result in chain[-1].prompt.results}
    for message in grown:
        told = "tool" if message.role in ("tool", "function", "function_call_output") else message.role
        if told == "user" and results and message.size >= max(results):  # Anthropic's results stand in user messages
            told = "tool"
        sizes[told] += message.size
    if not sizes:
        return "on the provider's side"
    role, size = sizes.most_common(1)[0]
    largest = max(range(len(grown)), key=lambda at: grown[at].size)
    place = len(chain[0].prompt.messages) + largest + 1
    return (
        f"by {_WORDS.get(role, role)} most of all ({size / max(1, sum(sizes.values())):.0%}; the largest is message {place} "
        f"with {grown[largest].size:,} bytes)"
    )


RULE = Rule(
    code="AP303", name="growing-prompts", headline="conversations that are mostly prompt, and grow each turn", find=find
)
