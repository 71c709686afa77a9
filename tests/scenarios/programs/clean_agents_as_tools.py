"""Two researchers at once, each an agent with tools of its own that run at once."""

import asyncio
import json
import time

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101",)
VARIANTS = {"gather_to_loop": {"AP101": "loop"}}


def ANSWERS(request):
    asked = request["messages"][0]["content"]
    if any(message["role"] == "tool" for message in request["messages"]):
        return Answer(text=f"Report on {asked}.")
    if asked == "Plan":
        return Answer(
            tools=(
                Tool(name="research", arguments={"topic": "wind"}),
                Tool(name="research", arguments={"topic": "sun"}),
            )
        )
    return Answer(
        tools=(
            Tool(name="search", arguments={"query": f"{asked} cost"}),
            Tool(name="search", arguments={"query": f"{asked} yield"}),
        )
    )


def offered(*names):
    return [{"type": "function", "function": {"name": name, "parameters": {}}} for name in names]


@world.tool
async def search(query):
    await asyncio.sleep(0.3)
    return "numbers"


@world.tool
async def research(topic):
    return await converse(topic, offered("search"))


async def execute(call):
    tool = {"search": search, "research": research}[call.function.name]
    return {"role": "tool", "tool_call_id": call.id, "content": await tool(**json.loads(call.function.arguments))}


async def converse(task, tools):
    client = world.async_openai()
    messages = [{"role": "user", "content": task}]
    while True:
        answer = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools)
        message = answer.choices[0].message
        messages.append(message.to_dict())
        if not message.tool_calls:
            return message.content
        messages += await asyncio.gather(*(execute(call) for call in message.tool_calls))


async def agent():
    await converse("Plan", offered("research"))
