"""A loop over calls of one shell: told, as a hint."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "loop"}
HINTS = ["AP101"]
ANSWERS = [
    Answer(
        tools=(Tool(name="bash", arguments={"command": "make"}), Tool(name="bash", arguments={"command": "make test"}))
    ),
    Answer(text="Green."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["bash"]]


@world.tool
def bash(command):
    time.sleep(2)
    return "ok"


FUNCTIONS = {"bash": bash}


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
