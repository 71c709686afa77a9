"""Two equal calls, executed once: an agent that remembers."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101", "AP103")
ANSWERS = [
    Answer(tools=(Tool(name="rate", arguments={"of": "EUR"}), Tool(name="rate", arguments={"of": "EUR"}))),
    Answer(text="1.1"),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["rate"]]
known = {}


@world.tool
def rate(of):
    time.sleep(0.3)
    return "1.1"


def agent():
    client = world.openai()
    messages = [{"role": "user", "content": "Rate?"}]
    for _ in range(2):
        message = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS).choices[0].message
        messages.append(message.to_dict())
        for call in message.tool_calls or ():
            if call.function.arguments not in known:
                known[call.function.arguments] = rate(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": known[call.function.arguments]})
