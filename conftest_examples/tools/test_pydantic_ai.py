"""pydantic-ai runs tools at once unless one of them is marked `sequential`. The first test fails to show it."""

import pytest
import trip

pydantic_ai = pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.vcr,
    pytest.mark.default_cassette("pydantic_ai.yaml"),
    pytest.mark.max_latency(2_000),
    pytest.mark.no_sequential_tools,
]


async def plan(**options):
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    tools = [pydantic_ai.Tool(tool, **options) for tool in trip.TOOLS.values()]
    async with AsyncOpenAI() as client:
        model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=client))
        await pydantic_ai.Agent(model, tools=tools).run(trip.QUESTION)


async def test_one_by_one():
    await plan(sequential=True)


async def test_at_once():
    await plan()
