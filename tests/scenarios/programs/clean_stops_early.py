"""The last answer asks for tools that nobody runs: the agent has what it wants."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP103",)
ANSWERS = [
    Answer(tools=(Tool(name="final_answer", arguments={"value": 3}), Tool(name="search", arguments={"q": "more"}))),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ["final_answer", "search"]]


def agent():
    client = world.openai()
    message = (
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Go."}], tools=TOOLS)
        .choices[0]
        .message
    )
    return json.loads(message.tool_calls[0].function.arguments)["value"]
