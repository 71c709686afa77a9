"""Tools that were offered in every request and never called, where their descriptions are a large part of what was sent: 30 %
of the bytes, and 1 kB a request at least. The names and their share are told.

Each offered tool is sent again with each request, as JSON schema, and is read by the model before anything else: it costs
tokens and time to first token, and the more there are to choose from, the more often the wrong one is chosen.

Offer what the step needs: by role, by phase, or on request through a tool that searches for tools. Shorten descriptions and
schemas. A test sees one task only; a tool that others need is worth its bytes, and `ignore="AP307"` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_SHARE = 0.3
_LEAST_BYTES = 1024
_LEAST_CALLS = 2


def find(profile: Profile) -> Iterator[Finding]:
    offering = [call for call in profile.calls if call.prompt.tools and call.prompt.tool_sizes and call.error is None]
    called = {tool.name for call in profile.calls for tool in call.tool_calls}
    called |= {name for call in profile.calls for name in call.server_tools}
    sizes = Counter[str]()
    for call in offering:
        for name, size in zip(call.prompt.tools, call.prompt.tool_sizes, strict=True):
            if name not in called:
                sizes[name] += size
    sent = sum(call.request_size for call in offering)
    unused = sum(sizes.values())
    if len(offering) < _LEAST_CALLS or unused < max(_SHARE * sent, _LEAST_BYTES * len(offering)):
        return
    most = ", ".join(name for name, _ in sizes.most_common(3))
    inputs = [call.usage.input for call in offering if call.usage and call.usage.input is not None]
    yield RULE.finding(
        f"{len(sizes)} tools were offered and never called; their descriptions are {unused / sent:.0%} of {sent:,} bytes sent "
        f"(largest: {most})",
        fix="offer the tools that the step needs, and shorten their descriptions",
        lost_tokens=round(sum(inputs) * unused / sent) if len(inputs) == len(offering) else None,
        calls=tuple(call.index for call in offering),
        tools=tuple(sizes),
    )


RULE = Rule(code="AP307", name="unused-tools", headline="tools offered in every request and never called", find=find)
