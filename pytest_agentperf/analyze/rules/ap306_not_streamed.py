"""An answer in words took over 3 s and was not streamed: whoever reads it sees nothing until it is complete. The last answer of
a conversation counts; one that asks for tools has no reader.

The first token of the same answer would have been there after a fraction of that time. It is the wait that users feel, and
`max_ttft` limits it.

Ask with `stream=True` (OpenAI: with `stream_options={"include_usage": True}`, or the tokens are not told) and pass on what
comes. Where a program reads the answer and nobody waits for it, say `@pytest.mark.agentperf(ignore="AP306")`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule, milliseconds
from pytest_agentperf.analyze.turns import continues
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import ClockKind, Profile

_LEAST_NS = 3_000_000_000


def find(profile: Profile) -> Iterator[Finding]:
    if profile.clock is ClockKind.INSTANT:
        return
    slow = [call for call in profile.calls if _is_slow(call) and not any(continues(c, call) for c in profile.calls)]
    if slow:
        longest = max(call.duration_ns or 0 for call in slow)
        yield RULE.finding(
            f"{len(slow)} of {len(profile.calls)} answers were not streamed and took over 3 s, the longest "
            f"{milliseconds(longest)}: nothing can be read before",
            fix="stream the answer and pass on what comes",
            calls=tuple(call.index for call in slow),
        )


def _is_slow(call: ModelCall) -> bool:
    spoken = call.operation != "embedding" and call.error is None and not call.tool_calls and bool(call.answer_digest)
    return spoken and not call.streamed and (call.duration_ns or 0) > _LEAST_NS


RULE = Rule(code="AP306", name="not-streamed", headline="long answers that are not streamed", find=find)
