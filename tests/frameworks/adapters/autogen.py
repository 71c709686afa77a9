"""autogen: an AssistantAgent of autogen-agentchat."""

from __future__ import annotations

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from tools import MODEL, PROMPT


def run(url, tools, way):
    asyncio.run(arun(url, tools))


async def arun(url, tools):
    client = OpenAIChatCompletionClient(model=MODEL, base_url=f"{url}/v1", api_key="fake", max_retries=0)
    agent = AssistantAgent("helper", client, tools=list(tools.values()), max_tool_iterations=2)
    await agent.run(task=PROMPT)
    await client.close()
