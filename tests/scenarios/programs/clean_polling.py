"""The same question again until it is answered differently."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {}
ANSWERS = [
    Answer(tools=(Tool(name="status", arguments={"job": 7}),)),
    Answer(tools=(Tool(name="status", arguments={"job": 7}),)),
    Answer(text="Done."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["status"]]
states = iter(["running", "done"])
FUNCTIONS = {"status": lambda job: next(states)}


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
