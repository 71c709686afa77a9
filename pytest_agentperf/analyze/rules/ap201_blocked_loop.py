"""A synchronous call held up the event loop for more than 50 ms: a synchronous LLM client, a file, `time.sleep`, a socket, a
child process, an import, or plain computing, inside of `async def`. The line of the agent's own code is told, and what it
called there. In virtual time only waits are seen, each to the nanosecond; in real time all that does not come back.

While one callback does not return nothing else of the loop runs: no other tool, no other user's request, no time-out, no
stream. With one task at a time that costs nothing yet; with `gather` it makes everything take turns, which AP101 then shows
for the tools of a turn. The milliseconds told are those of the blocks, an upper bound of what is lost.

Await an async client (`AsyncOpenAI`, `httpx.AsyncClient`, `asyncio.sleep`, `asyncio.create_subprocess_exec`), or put the call
into a thread: `await asyncio.to_thread(read, path)`. Import at the top of the module; compute in a process.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule, milliseconds
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.signal import Block

_LEAST_NS = 50_000_000


def find(profile: Profile) -> Iterator[Finding]:
    places: dict[tuple[str, str], list[Block]] = {}
    for block in profile.signals.blocks if profile.signals else ():
        if block.end_ns - block.start_ns >= _LEAST_NS and block.where:
            places.setdefault((block.where, block.doing), []).append(block)
    for (where, doing), blocks in places.items():
        took = [block.end_ns - block.start_ns for block in blocks]
        often = f" {len(took)} times, the longest time for {milliseconds(max(took))}" if len(took) > 1 else ""
        yield RULE.finding(
            f"the event loop stood still for {milliseconds(sum(took))}{often}{f', in {doing}' if doing else ''}",
            fix="await an async client, or asyncio.to_thread(...) around the call",
            lost_ms=sum(took) / 1e6,
            where=where,
        )


RULE = Rule(
    code="AP201",
    name="blocked-loop",
    headline="synchronous calls that hold up the event loop for over 50 ms",
    find=find,
)
