"""The model asked for several tools and the agent ran fewer: the next request carries results for some of the calls only,
or some of them were seen to run while others, of tools that can be seen, were not.

What was asked for and not done is paid for all the same, in output tokens, and the model asks again: a turn for each call
that was dropped. A frequent reason is an agent that was written for one call an answer (`tool_calls[0]`).

Execute every call of an answer. Where some must not run, answer these with a result that says so, and do not offer their
tools in the next request.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.batches import Batch, batches
from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.call import ToolCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile


def find(profile: Profile) -> Iterator[Finding]:
    found = batches(profile)
    visible = {asked.name for batch in found for asked, span in batch.executions if span.confidence == "exact"}
    for batch in found:
        asked = batch.call.tool_calls
        dropped = _without_result(batch) or _without_run(batch, visible)
        if dropped and len(asked) > 1:
            names = ", ".join(dict.fromkeys(call.name for call in dropped))
            done = len(asked) - len(dropped)
            yield RULE.finding(
                f"the model asked for {len(asked)} tools and {done} {'was' if done == 1 else 'were'} executed; not: {names}",
                fix="execute every call of an answer, or answer it with a result that says why not",
                calls=(batch.call.index,),
                tools=tuple(dict.fromkeys(call.name for call in dropped)),
            )


def _without_result(batch: Batch) -> list[ToolCall]:
    """Of the calls that go on, those that carry some results but not all."""
    asked = batch.call.tool_calls
    if batch.next is None or any(call.id is None for call in asked):
        return []
    answered = {result.call_id for result in batch.next.prompt.results}
    dropped = [call for call in asked if call.id not in answered]
    return dropped if len(dropped) < len(asked) else []


def _without_run(batch: Batch, visible: set[str]) -> list[ToolCall]:
    """What an agent would execute once for two equal calls is executed."""
    if not batch.executions:
        return []
    done = {(asked.name, asked.arguments) for asked in batch.executed}
    return [call for call in batch.unseen if call.name in visible and (call.name, call.arguments) not in done]


RULE = Rule(
    code="AP103", name="tools-not-executed", headline="tools that the model asked for and nobody executed", find=find
)
