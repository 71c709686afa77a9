"""Each way to call each agent of an SDK: a test module that `test_sdks.py` copies beside that SDK's `agents.py`.

An agent is made with the provider's address and has `ask(prompt)`, `stream(prompt)` and `close()`; an asynchronous one is
made within its loop. An answer is a text and tool calls (name, arguments), a stream gives it piece by piece.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from agents import AGENTS, ASYNC_AGENTS

from conftest import MODE, URL, now_ns, release

pytestmark = [] if MODE == "live" else [pytest.mark.vcr]
CITIES = [f"city {number}" for number in range(16)]


@pytest.fixture(params=AGENTS)
def agent(request):
    agent = AGENTS[request.param](URL)
    yield agent
    agent.close()


@pytest.fixture(params=ASYNC_AGENTS)
async def async_agent(request):
    agent = ASYNC_AGENTS[request.param](URL)
    yield agent
    await agent.close()


def joined(pieces):
    """The answer that came in pieces."""
    texts, calls = zip(*pieces, strict=True)
    return "".join(texts), [call for some in calls for call in some]


async def joined_async(pieces):
    return joined([piece async for piece in pieces])


def test_whole(agent, note):
    note(agent.ask("use tools"))


def test_streamed(agent, note):
    note(joined(agent.stream("use tools")))


async def test_async_whole(async_agent, note):
    note(await async_agent.ask("use tools"))


async def test_async_streamed(async_agent, note):
    note(await joined_async(async_agent.stream("use tools")))


def test_threads(agent, note):
    """Every other call is streamed."""

    def answer(number, city):
        return joined(agent.stream(city)) if number % 2 else agent.ask(city)

    with ThreadPoolExecutor(len(CITIES)) as pool:
        note(*pool.map(answer, range(len(CITIES)), CITIES))


async def test_tasks(async_agent, note):
    async def answer(number, city):
        return await (joined_async(async_agent.stream(city)) if number % 2 else async_agent.ask(city))

    note(*await asyncio.gather(*map(answer, range(len(CITIES)), CITIES)))


def test_ttft(agent, note):
    """The provider sends the end of its answer only when this client has seen the beginning."""
    start_ns = now_ns()
    pieces = iter(agent.stream("wait for me"))
    first = next(pieces)
    seen_ns = now_ns() - start_ns
    release()
    note(joined([first, *pieces]), seen_ns=seen_ns)


async def test_async_ttft(async_agent, note):
    start_ns = now_ns()
    pieces = aiter(async_agent.stream("wait for me"))
    first = await anext(pieces)
    seen_ns = now_ns() - start_ns
    release()
    note(joined([first] + [piece async for piece in pieces]), seen_ns=seen_ns)
