"""Three lookups of one turn, awaited together."""

import asyncio
import json
import time

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101", "AP201")
VARIANTS = {
    "gather_to_loop": {"AP101": "loop"},
    "sleep_to_blocking": {"AP101": "blocking", "AP201": ""},
}
ANSWERS = [
    Answer(tools=tuple(Tool(name="search", arguments={"query": q}) for q in ("cats", "dogs", "birds"))),
    Answer(text="All found."),
]
TOOLS = [
    {"type": "function", "function": {"name": "search", "parameters": {"properties": {"query": {"type": "string"}}}}}
]


@world.tool
async def search(query):
    await asyncio.sleep(0.3)
    return f"three pages about {query}"


async def execute(call):
    result = await search(**json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": result}


async def agent():
    messages = [{"role": "user", "content": "Compare."}]
    async with world.async_openai() as client:
        while True:
            answer = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
            message = answer.choices[0].message
            messages.append(message.to_dict())
            if not message.tool_calls:
                return message.content
            messages += await asyncio.gather(*(execute(call) for call in message.tool_calls))
