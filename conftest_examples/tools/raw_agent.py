"""An agent's own loop over OpenAI's SDK."""

import asyncio
import json

import trip
from openai import AsyncOpenAI

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


async def one_by_one(calls):
    return [await run_tool(call) for call in calls]


async def at_once(calls):
    return await asyncio.gather(*map(run_tool, calls))


async def ask(question, run_tools):
    messages = [{"role": "user", "content": question}]
    tools = [
        {"type": "function", "function": {"name": name, "description": tool.__doc__, "parameters": CITY}}
        for name, tool in trip.TOOLS.items()
    ]
    async with AsyncOpenAI() as client:
        while True:
            answer = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=tools)
            message = answer.choices[0].message
            if not message.tool_calls:
                return message.content
            messages.append(message)
            messages += await run_tools(message.tool_calls)


async def run_tool(call):
    result = await trip.TOOLS[call.function.name](**json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": result}
