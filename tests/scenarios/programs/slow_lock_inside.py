"""A lock inside of the tool: started at once, one at work."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "limit"}
ANSWERS = [
    Answer(tools=tuple(Tool(name="query", arguments={"sql": f"select {n}"}) for n in range(3))),
    Answer(text="Rows."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["query"]]
connection = asyncio.Lock()


@world.tool
async def query(sql):
    async with connection:
        await asyncio.sleep(0.2)
    return "[]"


async def execute(call):
    return {"role": "tool", "tool_call_id": call.id, "content": await query(**json.loads(call.function.arguments))}


async def agent():
    client = world.async_openai()
    messages = [{"role": "user", "content": "Go."}]
    for _ in range(len(ANSWERS)):
        message = (
            (await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)).choices[0].message
        )
        messages.append(message.to_dict())
        messages += await asyncio.gather(*(execute(call) for call in message.tool_calls or ()))
