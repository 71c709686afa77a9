"""Microsoft's agent-framework."""

from __future__ import annotations

import asyncio

from agent_framework import Agent
from agent_framework.observability import enable_instrumentation
from agent_framework.openai import OpenAIChatCompletionClient
from openai import AsyncOpenAI
from tools import MODEL, PROMPT


def trace():
    enable_instrumentation(enable_sensitive_data=True)


def run(url, tools, way):
    asyncio.run(arun(url, tools))


async def arun(url, tools):
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="fake", max_retries=0) as openai:
        client = OpenAIChatCompletionClient(model=MODEL, async_client=openai)
        await Agent(client, tools=list(tools.values())).run(PROMPT)
