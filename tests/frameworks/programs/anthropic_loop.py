"""The loop over tool_use blocks, all of a message at once."""

import asyncio
import os

from anthropic import AsyncAnthropic

NEEDS = ("anthropic",)
CALLS = (("get_time", {"zone": "Europe/Rome"}), ("get_weather", {"location": "Rome"}))
VARIANTS = {"gather_to_loop": "loop", "sleep_to_blocking": "blocking"}
TOOLS = [
    {
        "name": name,
        "description": name,
        "input_schema": {"type": "object", "properties": {key: {"type": "string"}}, "required": [key]},
    }
    for name, key in (("get_time", "zone"), ("get_weather", "location"))
]


async def run_tool(name, given):
    await asyncio.sleep(0.2 if name == "get_time" else 0.3)
    return f"{name} of {given}: fine"


async def agent():
    async with AsyncAnthropic(base_url=os.environ["PROVIDER_URL"], api_key="fake", max_retries=0) as client:
        messages = [{"role": "user", "content": "What is it like in Rome?"}]
        while True:
            response = await client.messages.create(
                model="claude-sonnet-4-5", max_tokens=1024, tools=TOOLS, messages=messages
            )
            if response.stop_reason != "tool_use":
                return
            uses = [block for block in response.content if block.type == "tool_use"]
            results = await asyncio.gather(*(run_tool(use.name, use.input) for use in uses))
            messages.append({"role": "assistant", "content": response.content})
            messages.append(
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": use.id, "content": result}
                        for use, result in zip(uses, results, strict=True)
                    ],
                }
            )
