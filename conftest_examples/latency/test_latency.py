"""Four changes that make an agent slower, each caught by one limit: all tests but the first fail, which they are here to show.

Who reviews the change sees nothing wrong, and on a laptop with a fast model nobody notices.
"""

import time

import guide
import pytest
from openai import AsyncOpenAI

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.vcr(allow_playback_repeats=True),  # so that the agent may ask the same once more
    pytest.mark.default_cassette("travel.yaml"),
    pytest.mark.max_latency(4_000),
    pytest.mark.max_latency(3_600, within="first words"),
]

QUESTION = "Tell me: the capital of the country; the weather there; the product name"


@pytest.fixture(autouse=True)
def tools(profiler, monkeypatch):
    """So that a report can say which tool ran when."""
    for name, tool in guide.TOOLS.items():
        monkeypatch.setitem(guide.TOOLS, name, profiler.tool(name)(tool))


async def converse(profiler):
    async with AsyncOpenAI() as client:
        answer = guide.ask(client, QUESTION)
        with profiler.timer("first words"):
            await anext(answer)
        async for _ in answer:
            pass


async def test_as_it_should_be(profiler):
    await converse(profiler)


async def test_a_lost_gather(profiler, monkeypatch):
    async def one_after_the_other(calls):
        return [await guide.run_tool(call) for call in calls]

    monkeypatch.setattr(guide, "run_tools", one_after_the_other)
    await converse(profiler)


async def test_a_lost_stream(profiler, monkeypatch):
    streamed = guide.ask

    async def all_at_once(client, question):
        for piece in [piece async for piece in streamed(client, question)]:
            yield piece

    monkeypatch.setattr(guide, "ask", all_at_once)
    await converse(profiler)


async def test_an_added_turn(profiler, monkeypatch):
    asked_once = guide.stream_tool_calls

    async def to_be_sure(client, messages):
        async for _ in asked_once(client, messages):
            pass
        async for delta in asked_once(client, messages):
            yield delta

    monkeypatch.setattr(guide, "stream_tool_calls", to_be_sure)
    await converse(profiler)


async def test_a_blocking_sleep_in_the_loop(profiler, monkeypatch):
    async def blocks():
        time.sleep(0.4)  # a client that is not async
        return "Mexico"

    monkeypatch.setitem(guide.TOOLS, "get_country", profiler.tool("get_country")(blocks))
    await converse(profiler)
