"""What each part of a prompt adds to the tokens of its call: the wire says only how many there are in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pytest_agentperf.judge.trace import PartOfPrompt, Slot
from pytest_agentperf.model.call import ModelCall

SYSTEM: PartOfPrompt = ("system", "")
TOOLS: PartOfPrompt = ("tools", "")
TALK: PartOfPrompt = ("talk", "")
TURN = "\0turn"
"""In place of a tool: a turn that only one of the two runs has."""
_SAME_CACHE = 256
"""Tokens: providers cache in blocks, so that reads change a little more or less than the prompt."""


def allocate(slot: Slot, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Divide what changed in the input of a call among the parts of its prompt that changed, by their bytes.

    Cache reads that grow with the prompt belong to the part that grew most; `Slot.cached` has no part where the cache
    itself was lost or found. `before` and `after` name the tools of the tool calls on either side.
    """
    base, head = slot.call, slot.head
    if head is None or base.usage is None or head.usage is None:
        return
    more = (head.usage.input or 0) - (base.usage.input or 0)
    then, now = sizes(base, before), sizes(head, after)
    changed = {part: now.get(part, 0) - then.get(part, 0) for part in {**then, **now}}
    changed = {part: size for part, size in changed.items() if size}
    slot.sizes = dict(changed)
    if not changed and more:
        digests = {
            SYSTEM: base.prompt.system_digest != head.prompt.system_digest,
            TOOLS: base.prompt.tools_digest != head.prompt.tools_digest,
            TALK: base.prompt.messages != head.prompt.messages,
        }
        changed = {part: 1 for part, differs in digests.items() if differs and _model(base) == _model(head)}
        changed = dict(list(changed.items())[:1])
    if not changed:
        return
    main = max(changed, key=lambda part: abs(changed[part]))
    ratio = (base.usage.input or 0) / (sum(then.values()) or 1) or 0.25
    slot.tokens = {part: round(size * ratio) for part, size in changed.items()}
    slot.tokens[main] += more - sum(slot.tokens.values())
    read = (head.usage.cache_read or 0) - (base.usage.cache_read or 0)
    if not cache_changed(base, head):
        written = (head.usage.cache_write or 0) - (base.usage.cache_write or 0)
        slot.cached = {main: (read, written)}


def sizes(call: ModelCall, names: Mapping[str, str]) -> dict[PartOfPrompt, int]:
    """Bytes of each part."""
    found: Counter[PartOfPrompt] = Counter()
    found[SYSTEM] = call.prompt.system_size
    found[TOOLS] = call.prompt.tools_size
    found[TALK] = sum(message.size for message in call.prompt.messages)
    for result in call.prompt.results:
        found["result", names.get(result.call_id or "", "")] += result.size
    return dict(found)


def cache_changed(base: ModelCall, head: ModelCall) -> bool:
    """The provider's prompt cache serves another part than that by which the prompt itself grew or shrank."""
    if base.usage is None or head.usage is None:
        return False
    read_then, read_now = base.usage.cache_read or 0, head.usage.cache_read or 0
    if read_then == read_now:
        return False
    if not read_then or not read_now:
        return True
    more = (head.usage.input or 0) - (base.usage.input or 0)
    return abs(read_now - read_then - more) > _SAME_CACHE and not (
        min(0, more) - _SAME_CACHE <= read_now - read_then <= max(0, more) + _SAME_CACHE
    )


def _model(call: ModelCall) -> tuple[str, str]:
    return call.provider, call.model
