"""Edits of one file, one after another: perhaps with reason, a hint."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP101": "loop"}
HINTS = ["AP101"]
ANSWERS = [
    Answer(tools=tuple(Tool(name="edit_file", arguments={"path": "app.py", "line": n}) for n in (1, 2))),
    Answer(text="Edited."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["edit_file"]]


@world.tool
def edit_file(path, line):
    time.sleep(0.1)
    return "ok"


FUNCTIONS = {"edit_file": edit_file}


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
