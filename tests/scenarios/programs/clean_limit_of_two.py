"""A semaphore of two over four tools: a limit that is meant."""

import asyncio
import json

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101",)
VARIANTS = {"limit_to_one": {"AP101": "limit"}}
ANSWERS = [
    Answer(tools=tuple(Tool(name="crawl", arguments={"site": s}) for s in ("a.org", "b.org", "c.org", "d.org"))),
    Answer(text="Done."),
]
TOOLS = [{"type": "function", "function": {"name": "crawl", "parameters": {}}}]


@world.tool
async def crawl(site):
    await asyncio.sleep(0.5)
    return "200 pages"


async def agent():
    client = world.async_openai()
    polite = asyncio.Semaphore(2)

    async def execute(call):
        async with polite:
            content = await crawl(**json.loads(call.function.arguments))
        return {"role": "tool", "tool_call_id": call.id, "content": content}

    messages = [{"role": "user", "content": "Crawl."}]
    for _ in range(2):
        answer = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        messages.append(message.to_dict())
        messages += await asyncio.gather(*(execute(call) for call in message.tool_calls or []))
