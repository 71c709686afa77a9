"""A plain loop over the calls."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "loop"}
ANSWERS = [
    Answer(tools=(Tool(name="read", arguments={"path": "a.txt"}), Tool(name="read", arguments={"path": "b.txt"}))),
    Answer(text="Read."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["read"]]


@world.tool
def read(path):
    time.sleep(0.2)
    return f"text of {path}"


FUNCTIONS = {"read": read}


def agent():
    client = world.openai()
    messages = [{"role": "user", "content": "Go."}]
    while True:
        message = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS).choices[0].message
        messages.append(message.to_dict())
        if not message.tool_calls:
            return
        for call in message.tool_calls:
            result = FUNCTIONS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(result)})
