"""One tool, and parallel calls switched off: nothing to lose."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {}
ANSWERS = [
    Answer(tools=(Tool(name="think", arguments={"about": "it"}),)),
    Answer(text="Thought."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["think"]]

FUNCTIONS = {"think": lambda about: "deeply"}


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
