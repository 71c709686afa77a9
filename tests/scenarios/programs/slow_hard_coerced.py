"""Hard to see: coerced."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "loop"}
PYTHON = (3, 12)
from types import SimpleNamespace

ANSWERS = [
    Answer(tools=(Tool(name="coerced", arguments={"n": "3"}), Tool(name="coerced", arguments={"n": "4"}))),
    Answer(text="Done."),
]
TOOLS = [
    {"type": "function", "function": {"name": "coerced", "parameters": {"type": "object", "properties": {"n": {}}}}}
]


class Req:
    def __init__(self, **arguments):
        self.__dict__.update(arguments)


def work():
    time.sleep(0.2)
    return "r"


def coerced(n):
    return work()


def execute(a):
    return coerced(int(a["n"]))


FUNCTIONS = {"coerced": lambda **a: execute(a)}


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
