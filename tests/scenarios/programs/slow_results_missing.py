"""Only the first result is sent back."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP103": ""}
ANSWERS = [
    Answer(tools=(Tool(name="search", arguments={"q": "red"}), Tool(name="search", arguments={"q": "blue"}))),
    Answer(text="Red only."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["search"]]


@world.tool
def search(q):
    return "found"


async def agent():
    client = world.async_openai()
    messages = [{"role": "user", "content": "Search."}]
    for _ in range(2):
        message = (
            (await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)).choices[0].message
        )
        messages.append(message.to_dict())
        for call in (message.tool_calls or ())[:1]:
            content = search(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
