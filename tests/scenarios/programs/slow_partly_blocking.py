"""One of three tools holds the event loop, so that another cannot begin; the third runs in a thread meanwhile."""

import asyncio
import json
import time

from server.answer import Answer, Tool

EXPECT = {"AP101": "blocking", "AP201": ""}
ANSWERS = [
    Answer(
        tools=(
            Tool(name="weather", arguments={"city": "Lisbon"}),
            Tool(name="flights", arguments={"to": "Lisbon"}),
            Tool(name="hotels", arguments={"near": "Lisbon"}),
        )
    ),
    Answer(text="Go."),
]


async def flights(to):
    time.sleep(0.8)
    return f"2 flights to {to}"


async def weather(city):
    return await asyncio.to_thread(ask_the_weather, city)


def ask_the_weather(place):
    time.sleep(0.4)
    return f"sun over {place}"


async def hotels(near):
    await asyncio.sleep(0.6)
    return f"9 hotels in {near}"


async def agent():
    tools = {tool.__name__: world.tool(tool) for tool in (weather, flights, hotels)}
    async with world.async_openai() as client:
        messages = [{"role": "user", "content": "Lisbon?"}]
        while True:
            answer = await client.chat.completions.create(model="gpt-4o", messages=messages)
            message = answer.choices[0].message
            if not message.tool_calls:
                return
            messages.append(message.to_dict())
            results = await asyncio.gather(
                *(tools[call.function.name](**json.loads(call.function.arguments)) for call in message.tool_calls)
            )
            for call, result in zip(message.tool_calls, results, strict=True):
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
