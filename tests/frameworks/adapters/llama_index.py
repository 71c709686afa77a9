"""llama-index' FunctionAgent."""

from __future__ import annotations

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAI
from tools import MODEL, PROMPT


def run(url, tools, way):
    asyncio.run(arun(url, tools))


async def arun(url, tools):
    model = OpenAI(model=MODEL, api_base=f"{url}/v1", api_key="fake", max_retries=0)
    agent = FunctionAgent(tools=[made(tool) for tool in tools.values()], llm=model)
    await agent.run(PROMPT)


def made(tool):
    if asyncio.iscoroutinefunction(tool):
        return FunctionTool.from_defaults(async_fn=tool)
    return FunctionTool.from_defaults(tool)
