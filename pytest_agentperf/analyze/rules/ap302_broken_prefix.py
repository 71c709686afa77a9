"""Requests of one conversation do not begin alike, so that the provider's prompt cache cannot serve what they share. The rule
says where they part: in the tools, in the system prompt, or in an early message; and how far the cached tokens fell, where
the provider states them.

Providers cache prompts from their beginning (tools, system prompt, messages) up to the first byte that differs, and charge a
tenth to a half for what they know, and answer sooner. A date in the system prompt, tools in another order each time, a
summary that is put in front, or old messages that are dropped from the front make each request a new one.

Put what changes at the end: the date into the last message, notes behind the history. Sort tools. Drop old messages in large
steps and not one each turn. Shorter prompts than 4 kB, which nobody caches, are not reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_LEAST_BYTES = 4096
"""About 1,024 tokens, the shortest prefix that providers cache."""
_LEAST_SHARE = 0.5
"""Of the earlier prompt, that the later one cannot take from the cache."""


def find(profile: Profile) -> Iterator[Finding]:
    broken: dict[str, list[tuple[ModelCall, ModelCall, int]]] = {}
    for before, after in _conversations(profile.calls):
        part, kept = _common(before, after)
        size = _size(before)
        if part and size >= _LEAST_BYTES and size - kept >= _LEAST_SHARE * size and not _served(before, after):
            broken.setdefault(part, []).append((before, after, kept))
    for part, pairs in broken.items():
        sizes = [_size(before) for before, _, _ in pairs]
        kept = sum(kept for _, _, kept in pairs)
        yield RULE.finding(
            f"{len(pairs)} of {len(profile.calls)} requests begin unlike the one that they continue: {part} changes, so "
            f"{kept:,} of {sum(sizes):,} shared bytes can come from the provider's cache{_cached(pairs)}",
            fix="put what changes (dates, notes, retrieved texts) at the end of the prompt, and keep its beginning as it is",
            lost_tokens=_lost_tokens(pairs),
            calls=tuple(after.index for _, after, _ in pairs),
        )


def _conversations(calls: tuple[ModelCall, ...]) -> Iterator[tuple[ModelCall, ModelCall]]:
    """Calls, each with the next one of the same model that seems to go on with it."""
    chats = [call for call in calls if call.error is None and call.operation == "chat" and call.prompt.messages]
    for at, before in enumerate(chats):
        for after in chats[at + 1 :]:
            if (after.api, after.requested_model) == (before.api, before.requested_model) and _continues(before, after):
                yield before, after
                break


def _continues(before: ModelCall, after: ModelCall) -> bool:
    """Most of the earlier messages are there again, and more of them."""
    if after.prompt.previous_id is not None or (before.end_ns is not None and after.start_ns < before.end_ns):
        return False
    mine, theirs = ([message.digest for message in call.prompt.messages] for call in (before, after))
    again = set(mine) & set(theirs)
    return mine[-1] in again and 2 * len(again) >= len(set(mine)) and theirs[-1] != mine[-1]


def _common(before: ModelCall, after: ModelCall) -> tuple[str, int]:
    """Which part of the prompt differs first (empty: none), and the bytes before it."""
    a, b = before.prompt, after.prompt
    if a.tools_digest != b.tools_digest:
        return "the list of tools", 0
    if a.system_digest != b.system_digest:
        return "the system prompt", a.tools_size
    kept = a.tools_size + a.system_size
    for place, (mine, theirs) in enumerate(zip(a.messages, b.messages, strict=False), 1):
        if mine.digest != theirs.digest:
            return f"message {place} ({mine.role})", kept
        kept += mine.size
    return "", kept


def _size(call: ModelCall) -> int:
    return call.prompt.tools_size + call.prompt.system_size + sum(message.size for message in call.prompt.messages)


def _served(before: ModelCall, after: ModelCall) -> bool:
    """The provider says that it had most of it cached all the same."""
    if before.usage is None or after.usage is None or not before.usage.input:
        return False
    return (after.usage.cache_read or 0) >= _LEAST_SHARE * before.usage.input


def _cached(pairs: list[tuple[ModelCall, ModelCall, int]]) -> str:
    reads = [
        call.usage.cache_read for pair in pairs for call in pair[:2] if call.usage and call.usage.cache_read is not None
    ]
    falls = [(a, b) for a, b in pairwise(reads) if b < a]
    return f"; cached tokens fell from {falls[0][0]:,} to {falls[0][1]:,}" if falls else ""


def _lost_tokens(pairs: list[tuple[ModelCall, ModelCall, int]]) -> int | None:
    """Input of the earlier request that the later one could have had cached."""
    lost = 0
    for before, after, _ in pairs:
        if before.usage is None or before.usage.input is None or after.usage is None:
            return None
        lost += max(0, before.usage.input - (after.usage.cache_read or 0))
    return lost


RULE = Rule(
    code="AP302",
    name="broken-prefix",
    headline="prompts that the provider cannot cache, and where they change",
    find=find,
)
