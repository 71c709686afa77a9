"""agno: `run` takes the tools one by one, `arun` all at once."""

from __future__ import annotations

import asyncio

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from openai import AsyncOpenAI, OpenAI
from tools import MODEL, PROMPT


def run(url, tools, way):
    options = {"base_url": f"{url}/v1", "api_key": "fake", "max_retries": 0}
    if way == "sync":
        with OpenAI(**options) as openai:
            made(OpenAIChat(id=MODEL, client=openai), tools).run(PROMPT)
    else:
        asyncio.run(arun(AsyncOpenAI(**options), tools))


async def arun(openai, tools):
    async with openai:
        await made(OpenAIChat(id=MODEL, async_client=openai), tools).arun(PROMPT)


def made(model, tools):
    return Agent(model=model, tools=list(tools.values()), telemetry=False)
