"""A tool that fails the first time and is tried again, beside another that runs meanwhile."""

import asyncio
import json
import time

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101",)
VARIANTS = {"gather_to_loop": {"AP101": "loop"}}
ANSWERS = [
    Answer(tools=(Tool(name="quote", arguments={"symbol": "ACME"}), Tool(name="news", arguments={"about": "ACME"}))),
    Answer(text="Up."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("quote", "news")]
tries = []


@world.tool
async def quote(symbol):
    for pause in (0.1, 0):
        tries.append(symbol)
        await asyncio.sleep(0.2)
        if len(tries) > 1:
            return 12
        await asyncio.sleep(pause)


@world.tool
async def news(about):
    await asyncio.sleep(0.5)
    return "calm"


async def execute(call):
    result = await {"quote": quote, "news": news}[call.function.name](**json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": str(result)}


async def agent():
    client = world.async_openai()
    messages = [{"role": "user", "content": "How is ACME?"}]
    for _ in range(2):
        message = (
            (await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)).choices[0].message
        )
        messages.append(message.to_dict())
        messages += await asyncio.gather(*(execute(call) for call in message.tool_calls or ()))
