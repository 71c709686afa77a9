"""One tool is slower than somebody allowed."""

import json
import time

from server.answer import Answer, Tool

EXPECT = {"AP404": "tool"}
THRESHOLDS = {"llm_ms": 600, "tool_ms": 100}
ANSWERS = [Answer(tools=(Tool(name="report", arguments={"year": 2025}),)), Answer(text="Read it.")]
TOOLS = [{"type": "function", "function": {"name": "report", "parameters": {}}}]


@world.tool
def report(year):
    time.sleep(0.4)
    return f"a report on {year}"


def agent():
    client = world.openai()
    messages = [{"role": "user", "content": "A report on 2025."}]
    message = client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS).choices[0].message
    call = message.tool_calls[0]
    result = report(**json.loads(call.function.arguments))
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": result}]
    client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
