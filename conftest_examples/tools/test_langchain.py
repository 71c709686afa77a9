"""langchain runs tools at once, but not those that block the event loop. The first test fails to show it."""

import pytest
import trip

agents = pytest.importorskip("langchain.agents", reason="langchain is not installed")
langchain_openai = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.vcr,
    pytest.mark.default_cassette("langchain.yaml"),
    pytest.mark.max_latency(2_000),
    pytest.mark.no_sequential_tools,
]


async def plan():
    from openai import DefaultAsyncHttpxClient

    async with DefaultAsyncHttpxClient() as client:  # its own would be shared by the event loops of all tests
        model = langchain_openai.ChatOpenAI(model="gpt-4o-mini", http_async_client=client)
        agent = agents.create_agent(model, list(trip.TOOLS.values()))
        await agent.ainvoke({"messages": [{"role": "user", "content": trip.QUESTION}]})


async def test_tools_that_block_the_event_loop(monkeypatch):
    monkeypatch.setattr(trip, "wait", trip.wait_in_the_loop)
    await plan()


async def test_at_once():
    await plan()
