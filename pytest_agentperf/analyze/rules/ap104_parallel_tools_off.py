"""The request forbids what would save the time: it offers several tools and switches parallel calls off, so that the
model can ask for one call a turn only.

Every further call then costs a turn of its own: another request with the whole conversation in it, another time to
first token. Three lookups that the model would have asked for at once take three turns instead of one.

Leave `parallel_tool_calls` (OpenAI) or `tool_choice.disable_parallel_tool_use` (Anthropic) alone unless calls must not
be made side by side. Where only some must not, run those one after another in the agent and let the model ask for all.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile


def find(profile: Profile) -> Iterator[Finding]:
    calls = [call for call in profile.calls if call.prompt.parallel_tools is False and len(call.prompt.tools) > 1]
    if not calls:
        return
    tools = tuple(dict.fromkeys(name for call in calls for name in call.prompt.tools))
    yield RULE.finding(
        f"{len(calls)} of {len(profile.calls)} LLM calls offer {len(tools)} tools and forbid parallel calls",
        fix="leave parallel tool calls on; each further call costs a turn of its own",
        calls=tuple(call.index for call in calls),
        tools=tools,
    )


RULE = Rule(
    code="AP104",
    name="parallel-tools-off",
    headline="parallel tool calls switched off though several tools are offered",
    find=find,
)
