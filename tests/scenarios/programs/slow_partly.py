"""One tool first, by itself, and then the others at once."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "loop"}
ANSWERS = [
    Answer(tools=tuple(Tool(name="fetch", arguments={"url": f"https://{n}.org"}) for n in "abc")),
    Answer(text="Fetched."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["fetch"]]


@world.tool
async def fetch(url):
    await asyncio.sleep(0.4)
    return "html"


async def execute(call):
    return {"role": "tool", "tool_call_id": call.id, "content": await fetch(**json.loads(call.function.arguments))}


async def agent():
    client = world.async_openai()
    messages = [{"role": "user", "content": "Go."}]
    for _ in range(2):
        message = (
            (await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)).choices[0].message
        )
        messages.append(message.to_dict())
        if message.tool_calls:
            first, *others = message.tool_calls
            messages.append(await execute(first))
            messages += await asyncio.gather(*(execute(call) for call in others))
