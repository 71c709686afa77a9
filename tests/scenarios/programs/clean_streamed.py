"""A streamed answer whose calls are put together from deltas, then run at once, each under a time-out."""

import asyncio
import json
import time

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101",)
VARIANTS = {"gather_to_loop": {"AP101": "loop"}}
ANSWERS = [
    Answer(tools=(Tool(name="lookup", arguments={"word": "tak"}), Tool(name="lookup", arguments={"word": "hei"}))),
    Answer(text="Thanks and hi."),
]
TOOLS = [{"type": "function", "function": {"name": "lookup", "parameters": {}}}]


@world.tool
async def lookup(word):
    await asyncio.sleep(0.25)
    return "a word"


async def execute(call):
    result = await asyncio.wait_for(lookup(**json.loads(call["function"]["arguments"])), 10)
    return {"role": "tool", "tool_call_id": call["id"], "content": result}


async def agent():
    messages = [{"role": "user", "content": "What do tak and hei mean?"}]
    async with world.async_openai() as client:
        for _ in range(2):
            calls, text = {}, ""
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=messages, tools=TOOLS, stream=True, stream_options={"include_usage": True}
            )
            async for chunk in stream:
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    for part in choice.delta.tool_calls or ():
                        call = calls.setdefault(
                            part.index,
                            {
                                "id": part.id,
                                "type": "function",
                                "function": {"name": part.function.name, "arguments": ""},
                            },
                        )
                        call["function"]["arguments"] += part.function.arguments or ""
            if calls:
                messages.append({"role": "assistant", "content": None, "tool_calls": list(calls.values())})
                messages += await asyncio.gather(*(execute(call) for call in calls.values()))
