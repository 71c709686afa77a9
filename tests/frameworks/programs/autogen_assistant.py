"""autogen: an assistant with two tools and a reflection on what they gave."""

import asyncio
import os

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

NEEDS = ("autogen-agentchat", "autogen-ext")
CALLS = (("search_web", {"query": "bears"}), ("search_files", {"query": "bears"}))
VARIANTS = {"sleep_to_blocking": "blocking"}


async def search_web(query: str) -> str:
    """Find pages."""
    await asyncio.sleep(0.25)
    return f"4 pages about {query}: fine"


async def search_files(query: str) -> str:
    """Find files."""
    await asyncio.sleep(0.35)
    return f"2 files about {query}: fine"


async def agent():
    client = OpenAIChatCompletionClient(
        model="gpt-4o-mini", base_url=f"{os.environ['PROVIDER_URL']}/v1", api_key="fake", max_retries=0
    )
    assistant = AssistantAgent("assistant", client, tools=[search_web, search_files], reflect_on_tool_use=True)
    await assistant.run(task="What do we know about bears?")
    await client.close()
