"""pydantic-ai: `Agent.run`."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from tools import MODEL, PROMPT


def trace():
    Agent.instrument_all()


def run(url, tools, way):
    asyncio.run(arun(url, tools, way))


async def arun(url, tools, way):
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="fake", max_retries=0) as openai:
        agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=openai)), tools=list(tools.values()))
        mode = agent.parallel_tool_call_execution_mode("sequential") if way.endswith("sequential") else nullcontext()
        with mode:
            await agent.run(PROMPT)
