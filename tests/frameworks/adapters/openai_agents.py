"""openai-agents: `Runner.run`."""

from __future__ import annotations

import asyncio

from agents import (
    Agent,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    ToolExecutionConfig,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from tools import MODEL, PROMPT


def run(url, tools, way):
    set_tracing_disabled(True)
    asyncio.run(arun(url, tools, RunConfig(tool_execution=tool_execution(way))))


async def arun(url, tools, config):
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="fake", max_retries=0) as openai:
        model = OpenAIResponsesModel(MODEL, openai)
        model._supports_default_prompt_cache_key = lambda: True  # as with OpenAI: another key in each run
        agent = Agent(name="helper", model=model, tools=list(map(function_tool, tools.values())))
        await Runner.run(agent, PROMPT, run_config=config)


def tool_execution(way):
    return ToolExecutionConfig(max_function_tool_concurrency=1) if way.endswith("sequential") else None
