"""Sync tools of an async agent, each in a thread."""

import asyncio
import json
import time

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101", "AP201")
VARIANTS = {
    "gather_to_loop": {"AP101": "loop"},
    "to_thread_to_direct": {"AP101": "blocking", "AP201": ""},
}
ANSWERS = [
    Answer(tools=(Tool(name="weather", arguments={"city": "Oslo"}), Tool(name="flights", arguments={"to": "Oslo"}))),
    Answer(text="Go in May."),
]


@world.tool
def weather(city):
    time.sleep(0.2)
    return "rain"


@world.tool
def flights(to):
    time.sleep(0.25)
    return "two a day"


REGISTRY = {"weather": weather, "flights": flights}


async def run(block):
    result = await asyncio.to_thread(REGISTRY[block.name], **block.input)
    return {"type": "tool_result", "tool_use_id": block.id, "content": result}


async def agent():
    messages = [{"role": "user", "content": "When to visit Oslo?"}]
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in REGISTRY]
    async with world.async_anthropic() as client:
        while True:
            answer = await client.messages.create(
                model="claude-sonnet-4-6", max_tokens=500, messages=messages, tools=tools
            )
            uses = [block for block in answer.content if block.type == "tool_use"]
            if not uses:
                return answer.content[0].text
            messages.append({"role": "assistant", "content": [block.to_dict() for block in answer.content]})
            messages.append({"role": "user", "content": await asyncio.gather(*(run(use) for use in uses))})
