"""Async tools that await once, and then block."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "blocking", "AP201": ""}
ANSWERS = [
    Answer(tools=tuple(Tool(name="scan", arguments={"host": f"h{n}"}) for n in range(3))),
    Answer(text="Scanned."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["scan"]]


@world.tool
async def scan(host):
    await asyncio.sleep(0)
    time.sleep(0.2)
    return "open"


async def execute(call):
    return {"role": "tool", "tool_call_id": call.id, "content": await scan(**json.loads(call.function.arguments))}


async def agent():
    client = world.async_openai()
    messages = [{"role": "user", "content": "Go."}]
    for _ in range(len(ANSWERS)):
        message = (
            (await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)).choices[0].message
        )
        messages.append(message.to_dict())
        messages += await asyncio.gather(*(execute(call) for call in message.tool_calls or ()))
