"""Anthropic's own loop, `client.beta.messages.tool_runner`."""

from __future__ import annotations

import asyncio

from anthropic import Anthropic, AsyncAnthropic, beta_async_tool, beta_tool
from tools import PROMPT

OPTIONS = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": PROMPT}],
}


def run(url, tools, way):
    client = {"base_url": url, "api_key": "fake", "max_retries": 0}
    if way == "sync":
        with Anthropic(**client) as anthropic:
            anthropic.beta.messages.tool_runner(tools=list(map(beta_tool, tools.values())), **OPTIONS).until_done()
    else:
        asyncio.run(arun(AsyncAnthropic(**client), list(map(beta_async_tool, tools.values()))))


async def arun(anthropic, tools):
    async with anthropic:
        await anthropic.beta.messages.tool_runner(tools=tools, **OPTIONS).until_done()
