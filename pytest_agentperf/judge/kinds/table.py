"""The table of causes: for each kind, how its edits are found and made. In this order, for what stands first explains more.

A finder makes an edit to the trace and then yields it, so that whoever reads it can weigh the trace before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pytest_agentperf.judge.kinds import answers, prompts, tools, turns
from pytest_agentperf.judge.prompt_parts import TURN, allocate
from pytest_agentperf.judge.trace import Trace
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.change import Edit

Finder = Callable[[Trace], Iterator[Edit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    find: Finder
    more: str = "grew by"
    less: str = "shrank by"
    luck: bool = False
    """A provider's: it changes with each recording, and fails nothing."""


KINDS: dict[str, Kind] = {
    "missing-turn": Kind(find=turns.missing),
    "retry": Kind(find=turns.retries),
    "extra-turn": Kind(find=turns.extra),
    "tools-asked": Kind(find=turns.asked),
    "model": Kind(find=prompts.switched),
    "system-prompt": Kind(find=prompts.system),
    "tool-schema": Kind(find=prompts.schema),
    "tool-result": Kind(find=prompts.results),
    "parallel-lost": Kind(find=tools.lost),
    "parallel-won": Kind(find=tools.won),
    "tool-time": Kind(find=tools.slower, more="takes longer by", less="is faster by"),
    "cache-lost": Kind(find=prompts.cache_lost),
    "cache-hit": Kind(find=prompts.cache_hit),
    "re-recorded": Kind(find=answers.recorded, luck=True),
    "output": Kind(find=answers.longer, more="grew by", less="shrank by"),
    "recorded-anew": Kind(find=answers.anew, luck=True),
    "model-time": Kind(find=answers.speed, more="answers slower by", less="answers faster by"),
    "context": Kind(find=answers.talk),
    "between-calls": Kind(find=tools.unseen),
    "own-time": Kind(find=tools.own),
}

LUCK = frozenset(name for name, kind in KINDS.items() if kind.luck)


def prepare(trace: Trace) -> None:
    """Divide each call's change among the parts of its prompt, before any edit is made."""
    known = {slot.base.index: slot.matched for slot in trace.slots if slot.base}
    fresh = {slot.head.index: slot.matched for slot in trace.slots if slot.head}
    before = _names(trace.base.calls, known)
    after = _names(trace.head.calls, fresh)
    for slot in trace.slots:
        if slot.matched:
            allocate(slot, before, after)


def _names(calls: Sequence[ModelCall], matched: dict[int, bool]) -> dict[str, str]:
    """Tool of each tool call by its id; one that only a turn of this side asked for belongs to that turn."""
    return {tool.id or "": tool.name if matched[call.index] else TURN for call in calls for tool in call.tool_calls}
