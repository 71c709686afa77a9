"""A hand-written loop over OpenAI's SDK."""

from __future__ import annotations

import asyncio
import json

from openai import AsyncOpenAI, OpenAI
from tools import DESCRIPTIONS, MODEL, PROMPT, arun_calls, run_calls

OPTIONS = {
    "model": MODEL,
    "tools": [{"type": "function", "function": description} for description in DESCRIPTIONS],
}


def run(url, tools, way):
    client = {"base_url": f"{url}/v1", "api_key": "fake", "max_retries": 0}
    if way.startswith("sync"):
        with OpenAI(**client) as openai:
            loop(openai, tools, way)
    else:
        asyncio.run(aloop(AsyncOpenAI(**client), tools, way))


def loop(openai, tools, way):
    messages = [{"role": "user", "content": PROMPT}]
    while True:
        message = openai.chat.completions.create(messages=messages, **OPTIONS).choices[0].message
        if not message.tool_calls:
            return
        results = run_calls([(tools[call.function.name], arguments(call)) for call in message.tool_calls], way)
        messages += told(message, results)


async def aloop(openai, tools, way):
    async with openai:
        messages = [{"role": "user", "content": PROMPT}]
        while True:
            message = (await openai.chat.completions.create(messages=messages, **OPTIONS)).choices[0].message
            if not message.tool_calls:
                return
            calls = [(tools[call.function.name], arguments(call)) for call in message.tool_calls]
            messages += told(message, await arun_calls(calls, way))


def arguments(call):
    return json.loads(call.function.arguments)


def told(message, results):
    yield message
    for call, result in zip(message.tool_calls, results, strict=True):
        yield {"role": "tool", "tool_call_id": call.id, "content": result}
