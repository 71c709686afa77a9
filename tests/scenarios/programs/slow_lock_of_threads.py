"""Threads, and a lock around the work of each."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "limit"}
ANSWERS = [
    Answer(tools=tuple(Tool(name="render", arguments={"page": n}) for n in range(3))),
    Answer(text="Rendered."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["render"]]
one = threading.Lock()


@world.tool
def render(page):
    with one:
        time.sleep(0.3)
    return "png"


async def execute(call):
    content = await asyncio.to_thread(render, **json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": content}


async def agent():
    client = world.async_openai()
    messages = [{"role": "user", "content": "Go."}]
    for _ in range(len(ANSWERS)):
        message = (
            (await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)).choices[0].message
        )
        messages.append(message.to_dict())
        messages += await asyncio.gather(*(execute(call) for call in message.tool_calls or ()))
