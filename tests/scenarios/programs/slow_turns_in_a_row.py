"""Lookups one turn each, though none needs another."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP102": ""}
ANSWERS = [
    Answer(tools=(Tool(name="weather", arguments={"city": "Rome"}),)),
    Answer(tools=(Tool(name="weather", arguments={"city": "Oslo"}),)),
    Answer(tools=(Tool(name="weather", arguments={"city": "Lima"}),)),
    Answer(text="Rome."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["weather", "hotel"]]

FUNCTIONS = {"weather": lambda city: "17 degrees"}


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
