"""A loop, and all but one of its tools take next to nothing."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101",)
ANSWERS = [
    Answer(
        tools=(
            Tool(name="build", arguments={"target": "all"}),
            Tool(name="note", arguments={"text": "built"}),
            Tool(name="note", arguments={"text": "ok"}),
        )
    ),
    Answer(text="Built."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["build", "note"]]


@world.tool
def build(target):
    time.sleep(3)
    return "ok"


@world.tool
def note(text):
    time.sleep(0.02)
    return "noted"


FUNCTIONS = {"build": build, "note": note}


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
