"""An agent written for one call an answer; the others are answered without being run."""

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
    time.sleep(0.1)
    return "found"


def agent():
    client = world.openai()
    messages = [{"role": "user", "content": "Search."}]
    for _ in range(2):
        message = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS).choices[0].message
        messages.append(message.to_dict())
        for place, call in enumerate(message.tool_calls or ()):
            content = "one tool at a time, please" if place else search(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
