"""Hard to see: the tool is a function in C, called where the loop is."""

import json
import time

from server.answer import Answer, Tool

EXPECT = {"AP101": "loop"}
PYTHON = (3, 12)
KNOWN = "a function in C has no frame"
ANSWERS = [
    Answer(tools=(Tool(name="builtin", arguments={"key": "zz-1"}), Tool(name="builtin", arguments={"key": "zz-2"}))),
    Answer(text="Done."),
]
TOOLS = [{"type": "function", "function": {"name": "builtin", "parameters": {"properties": {"key": {}}}}}]


def agent():
    client = world.openai()
    messages = [{"role": "user", "content": "Go."}]
    for _ in range(2):
        message = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS).choices[0].message
        messages.append(message.to_dict())
        for call in message.tool_calls or ():
            result = json.dumps(json.loads(call.function.arguments))
            time.sleep(0.2)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
