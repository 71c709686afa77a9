"""Turns that could have been one: the model asked for a tool, saw the result, and then asked for another whose arguments
contain no word and no number of that result, nor are they commands for one shell or writes to one path. Perhaps it could have
asked for both at once.

Each turn sends the whole conversation again and waits for another first token, which is mostly more than the tool takes.
It is a candidate, which fails a test only where `fail_on` names AP102 itself: whether to call a tool at all may depend on a result that its arguments do not
show ("if the order is late, ...").

Say in the system prompt that independent lookups are to be asked for together; describe tools so that it can be seen what
they need; or offer one tool that takes a list.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.batches import Batch, batches, named
from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.analyze.shared_state import shared_state
from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile


def find(profile: Profile) -> Iterator[Finding]:
    chain: list[Batch] = []
    by_call = {batch.call.index: batch for batch in batches(profile)}
    seen: set[int] = set()
    for first in by_call.values():
        chain, batch = [], first
        while batch.call.index not in seen:
            seen.add(batch.call.index)
            chain.append(batch)
            following = by_call.get(batch.next.index) if batch.next else None
            if following is None or not _independent(batch.call, following.call):
                break
            batch = following
        if len(chain) > 1:
            yield _finding([batch.call for batch in chain])


def _independent(call: ModelCall, following: ModelCall) -> bool:
    """No argument of the later turn shows anything of the earlier one's results, none repeats what was asked, and they seem
    to share nothing else: of two commands in one shell the second may count on what the first has done.
    """
    if shared_state((*call.tool_calls, *following.tool_calls)):
        return False
    ids = {id_ for id_, _ in named(call)}
    results = following.prompt.results
    own = {at for at, found in enumerate(results) if found.call_id in ids}
    if not own:  # the format names no calls: the last results are theirs
        own = set(range(max(0, len(results) - len(call.tool_calls)), len(results)))
    again = {_asked(tool) for tool in call.tool_calls} & {_asked(tool) for tool in following.tool_calls}
    return bool(own) and not again and all(own.isdisjoint(tool.draws_on) for tool in following.tool_calls)


def _asked(tool: ToolCall) -> tuple[str, str]:
    return tool.name, tool.arguments


def _finding(calls: list[ModelCall]) -> Finding:
    tools = tuple(dict.fromkeys(tool.name for call in calls for tool in call.tool_calls))
    later = [call.duration_ns for call in calls[1:]]
    times = [duration for duration in later if duration is not None]
    return RULE.finding(
        f"{len(calls)} turns in a row ask for tools ({', '.join(tools)}) whose arguments show nothing of the "
        "results before: candidates for one turn",
        fix="let the model ask for independent calls together: say so in the system prompt, or offer a tool that takes a list",
        lost_ms=sum(times) / 1e6 if times and len(times) == len(later) else None,
        calls=tuple(call.index for call in calls),
        tools=tools,
    )


RULE = Rule(
    code="AP102",
    name="turns-in-a-row",
    headline="turns that could have been one",
    find=find,
    gating=False,
    gates_when_named=True,
)
