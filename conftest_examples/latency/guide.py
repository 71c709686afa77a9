"""A travel guide that answers while it is still thinking: OpenAI chat completions, streamed, on asyncio."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

CATALOGUE = json.loads(Path(__file__).with_name("tools.json").read_text())
"""What the model may ask for, as the tool server lists it; the guide itself has these three."""


async def get_country() -> str:
    await asyncio.sleep(0.4)  # a slow service
    return "Mexico"


async def get_weather(city: str) -> str:
    await asyncio.sleep(0.3)
    return "sunny"


async def get_product_name() -> str:
    await asyncio.sleep(0.25)
    return "Pydantic AI"


TOOLS = {tool.__name__: tool for tool in (get_country, get_weather, get_product_name)}


async def ask(client: AsyncOpenAI, question: str) -> AsyncIterator[str]:
    """The answers as JSON text, piece by piece as it comes in."""
    messages: list[Any] = [{"role": "user", "content": question}]
    while True:
        calls: list[dict[str, Any]] = []
        async for delta in stream_tool_calls(client, messages):
            if delta.id:
                function = {"name": delta.function.name, "arguments": ""}
                calls.append({"id": delta.id, "type": "function", "function": function})
            function = calls[delta.index]["function"]
            function["arguments"] += delta.function.arguments
            if function["name"] == "final_result":
                yield delta.function.arguments
        if calls[-1]["function"]["name"] == "final_result":
            return
        messages.append({"role": "assistant", "tool_calls": calls})
        messages += await run_tools(calls)


async def stream_tool_calls(client: AsyncOpenAI, messages: list[Any]) -> AsyncIterator[Any]:
    stream = await client.chat.completions.create(
        model="gpt-4o",
        messages=messages,
        tools=CATALOGUE,
        tool_choice="required",
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        for choice in chunk.choices:
            for delta in choice.delta.tool_calls or ():
                yield delta


async def run_tools(calls: list[dict[str, Any]]) -> list[dict[str, str]]:
    return await asyncio.gather(*map(run_tool, calls))


async def run_tool(call: dict[str, Any]) -> dict[str, str]:
    function = call["function"]
    result = await TOOLS[function["name"]](**json.loads(function["arguments"]))
    return {"role": "tool", "tool_call_id": call["id"], "content": result}
