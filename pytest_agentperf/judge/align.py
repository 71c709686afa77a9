"""Which LLM call of one run is which of another."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_agentperf.model.call import ModelCall

Step = tuple[str, ModelCall]
"""A call and its agent."""


def align(ours: Sequence[Step], theirs: Sequence[Step]) -> list[tuple[int, int]]:
    """Positions of calls that are the same step of the agent, in order: the pairing of most weight that crosses nowhere.

    Steps are the same for their agent and for the tools that they ask for; among those that look alike what else is equal
    decides. A call that failed is never the same as one that did not.
    """
    start = _common(ours, theirs)
    end = _common(ours[start:][::-1], theirs[start:][::-1])
    middle = _pair(ours[start : len(ours) - end], theirs[start : len(theirs) - end])
    return [
        *((at, at) for at in range(start)),
        *((start + one, start + other) for one, other in middle),
        *((len(ours) - at, len(theirs) - at) for at in range(end, 0, -1)),
    ]


def _common(ours: Sequence[Step], theirs: Sequence[Step]) -> int:
    """How many steps from the start are the same in everything but their times."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    same = (at for at, (one, other) in pairs if _weight(one, other) < _MOST)
    return next(same, min(len(ours), len(theirs)))


def _pair(ours: Sequence[Step], theirs: Sequence[Step]) -> list[tuple[int, int]]:
    weights = [[_weight(one, other) for other in theirs] for one in ours]
    best = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in reversed(range(len(ours))):
        for j in reversed(range(len(theirs))):
            paired = best[i + 1][j + 1] + weights[i][j] if weights[i][j] else 0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    pairs, i, j = [], 0, 0
    while i < len(ours) and j < len(theirs):
        if weights[i][j] and best[i][j] == best[i + 1][j + 1] + weights[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


_AGENT, _TOOLS = 10, 10
_FIELDS = 10
_MOST = _AGENT + _TOOLS + _FIELDS


def _weight(one: Step, other: Step) -> int:
    """0: they cannot be the same."""
    (my_agent, mine), (their_agent, theirs) = one, other
    if (mine.error is None) != (theirs.error is None) or mine.operation != theirs.operation:
        return 0
    agent = my_agent == their_agent
    tools = [tool.name for tool in mine.tool_calls] == [tool.name for tool in theirs.tool_calls]
    if not (agent or tools):
        return 0
    equal = (
        mine.model == theirs.model,
        mine.requested_model == theirs.requested_model,
        mine.status == theirs.status,
        mine.usage == theirs.usage,
        mine.prompt.system_digest == theirs.prompt.system_digest,
        mine.prompt.tools_digest == theirs.prompt.tools_digest,
        mine.prompt.messages == theirs.prompt.messages,
        mine.prompt.results == theirs.prompt.results,
        mine.answer_digest == theirs.answer_digest,
        mine.turn == theirs.turn,
    )
    return 1 + (_AGENT - 1) * agent + _TOOLS * tools + sum(equal)
