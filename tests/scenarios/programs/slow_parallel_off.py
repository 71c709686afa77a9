"""Several tools are offered, and the request allows one call at a time."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP104": ""}
ANSWERS = [
    Answer(tools=(Tool(name="weather", arguments={"city": "Rome"}),)),
    Answer(tools=(Tool(name="hotel", arguments={"near": "sunny"}),)),
    Answer(text="Booked."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["weather", "hotel"]]

FUNCTIONS = {"weather": lambda city: "sunny", "hotel": lambda near: "booked"}


def agent():
    client = world.openai()
    messages = [{"role": "user", "content": "Go."}]
    while True:
        message = (
            client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS, parallel_tool_calls=False)
            .choices[0]
            .message
        )
        messages.append(message.to_dict())
        if not message.tool_calls:
            return
        for call in message.tool_calls:
            result = FUNCTIONS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(result)})
