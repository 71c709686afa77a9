"""The loop over OpenAI's SDK that both MCP adapters run."""

from __future__ import annotations

import json

from mcp import ClientSession
from openai import AsyncOpenAI
from tools import DESCRIPTIONS, MODEL, PROMPT, arun_calls

OPTIONS = {
    "model": MODEL,
    "tools": [{"type": "function", "function": description} for description in DESCRIPTIONS],
}


async def loop(url, transport, way):
    async with (
        AsyncOpenAI(base_url=f"{url}/v1", api_key="fake", max_retries=0) as openai,
        transport as (read, write, *_),
        ClientSession(read, write) as mcp,
    ):
        await mcp.initialize()
        await mcp.list_tools()

        async def tool(name, arguments):
            return (await mcp.call_tool(name, arguments)).content[0].text

        messages = [{"role": "user", "content": PROMPT}]
        while True:
            message = (await openai.chat.completions.create(messages=messages, **OPTIONS)).choices[0].message
            if not message.tool_calls:
                return
            calls = [
                (tool, {"name": call.function.name, "arguments": json.loads(call.function.arguments)})
                for call in message.tool_calls
            ]
            results = await arun_calls(calls, way)
            messages.append(message)
            for call, result in zip(message.tool_calls, results, strict=True):
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
