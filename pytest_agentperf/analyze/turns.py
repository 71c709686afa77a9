"""Which LLM calls belong to one conversation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_agentperf.model.call import ModelCall


def number_turns(calls: Iterable[ModelCall]) -> tuple[ModelCall, ...]:
    """The calls with `turn` filled: 1 for the first call of a conversation, one more for each that continues it.

    A call continues the latest one whose messages are a true prefix of its own under the same system prompt, or whose
    answer it names (`previous_response_id`). One that repeats messages (a retry, a sample) shares its twin's turn.
    """
    done: list[ModelCall] = []
    for call in calls:
        turn = _turn(call, done)
        done.append(call if call.turn == turn else replace(call, turn=turn))
    return tuple(done)


def _turn(call: ModelCall, earlier: list[ModelCall]) -> int:
    best, longest = 1, -1
    for other in earlier:
        if call.prompt.previous_id is not None and call.prompt.previous_id == other.response_id:
            return other.turn + 1
        size = len(other.prompt.messages)
        if size >= longest and _extends(call, other):
            longest = size
            best = other.turn + (len(call.prompt.messages) > size)
    return best


def continues(call: ModelCall, other: ModelCall) -> bool:
    """Whether the call goes on with the conversation of an earlier one, by its messages or by its answer's name."""
    if call.prompt.previous_id is not None and call.prompt.previous_id == other.response_id:
        return True
    later = call.start_ns, call.index
    more = len(call.prompt.messages) > len(other.prompt.messages)
    return later > (other.start_ns, other.index) and more and _extends(call, other)


def _extends(call: ModelCall, other: ModelCall) -> bool:
    mine, theirs = call.prompt.messages, other.prompt.messages
    return (
        bool(theirs)
        and call.api == other.api
        and call.prompt.previous_id == other.prompt.previous_id
        and call.prompt.system_digest == other.prompt.system_digest
        and mine[: len(theirs)] == theirs
    )
