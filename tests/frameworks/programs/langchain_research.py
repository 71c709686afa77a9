"""langchain's prebuilt agent; its tools ask services whose clients know no asyncio, each in a thread."""

import asyncio
import os
import time

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient

NEEDS = ("langchain", "langchain-openai")
CALLS = (("papers", {"topic": "whales"}), ("news", {"topic": "whales"}))
VARIANTS = {"to_thread_to_direct": "blocking"}


def ask_archive(topic):
    time.sleep(0.3)
    return f"12 papers about {topic}: fine"


def ask_press(topic):
    time.sleep(0.2)
    return f"3 articles about {topic}: fine"


async def papers(topic: str) -> str:
    """Find papers."""
    return await asyncio.to_thread(ask_archive, topic)


async def news(topic: str) -> str:
    """Find articles."""
    return await asyncio.to_thread(ask_press, topic)


async def agent():
    async with DefaultAsyncHttpxClient() as http:
        model = ChatOpenAI(
            model="gpt-4o-mini", base_url=f"{os.environ['PROVIDER_URL']}/v1", api_key="fake", http_async_client=http
        )
        helper = create_agent(model, tools=[papers, news], system_prompt="You are a librarian.")
        await helper.ainvoke({"messages": [{"role": "user", "content": "What is new about whales?"}]})
