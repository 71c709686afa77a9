"""A sync agent with a pool of threads."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101",)
VARIANTS = {"map_to_loop": {"AP101": "loop"}, "limit_to_one": {"AP101": "loop"}}
ANSWERS = [
    Answer(tools=tuple(Tool(name="read_page", arguments={"url": f"https://example.org/{n}"}) for n in range(4))),
    Answer(text="Summarised."),
]
TOOLS = [{"type": "function", "function": {"name": "read_page", "parameters": {}}}]


@world.tool
def read_page(url):
    time.sleep(0.4)
    return "<html>"


def execute(call):
    return {"role": "tool", "tool_call_id": call.id, "content": read_page(**json.loads(call.function.arguments))}


def agent():
    messages = [{"role": "user", "content": "Summarise these pages."}]
    with world.openai() as client, ThreadPoolExecutor(4) as pool:
        while True:
            answer = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
            message = answer.choices[0].message
            messages.append(message.to_dict())
            if not message.tool_calls:
                return
            messages += pool.map(execute, message.tool_calls)
