"""A hand-written loop over litellm."""

from __future__ import annotations

import asyncio
import json

import litellm
from tools import DESCRIPTIONS, MODEL, PROMPT, arun_calls, run_calls


def run(url, tools, way):
    options = {
        "model": f"openai/{MODEL}",
        "api_base": f"{url}/v1",
        "api_key": "fake",
        "tools": [{"type": "function", "function": description} for description in DESCRIPTIONS],
    }
    if way.startswith("sync"):
        loop(options, tools, way)
    else:
        asyncio.run(aloop(options, tools, way))


def loop(options, tools, way):
    messages = [{"role": "user", "content": PROMPT}]
    while True:
        message = litellm.completion(messages=messages, **options).choices[0].message
        if not message.tool_calls:
            return
        results = run_calls([(tools[call.function.name], arguments(call)) for call in message.tool_calls], way)
        messages += told(message, results)


async def aloop(options, tools, way):
    messages = [{"role": "user", "content": PROMPT}]
    while True:
        message = (await litellm.acompletion(messages=messages, **options)).choices[0].message
        if not message.tool_calls:
            break
        calls = [(tools[call.function.name], arguments(call)) for call in message.tool_calls]
        messages += told(message, await arun_calls(calls, way))
    await litellm.close_litellm_async_clients()


def arguments(call):
    return json.loads(call.function.arguments)


def told(message, results):
    yield message
    for call, result in zip(message.tool_calls, results, strict=True):
        yield {"role": "tool", "tool_call_id": call.id, "content": result}
