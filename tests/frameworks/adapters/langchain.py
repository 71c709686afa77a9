"""langchain's agent, which langgraph runs."""

from __future__ import annotations

import asyncio

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient
from tools import MODEL, PROMPT

QUESTION = {"messages": [{"role": "user", "content": PROMPT}]}


def run(url, tools, way):
    if way.startswith("sync"):
        made(url, tools).invoke(QUESTION, config(way))
    else:
        asyncio.run(arun(url, tools, way))


async def arun(url, tools, way):
    async with DefaultAsyncHttpxClient() as client:  # its own would be shared by all event loops
        await made(url, tools, http_async_client=client).ainvoke(QUESTION, config(way))


def made(url, tools, **options):
    model = ChatOpenAI(model=MODEL, base_url=f"{url}/v1", api_key="fake", max_retries=0, **options)
    return create_agent(model, list(map(tool, tools.values())))


def config(way):
    return {"max_concurrency": 1} if way.endswith("sequential") else {}
