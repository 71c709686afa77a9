"""A hand-written loop over Anthropic's SDK."""

from __future__ import annotations

import asyncio

from anthropic import Anthropic, AsyncAnthropic
from tools import DESCRIPTIONS, PROMPT, arun_calls, run_calls

OPTIONS = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1000,
    "tools": [
        {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
        for tool in DESCRIPTIONS
    ],
}


def run(url, tools, way):
    client = {"base_url": url, "api_key": "fake", "max_retries": 0}
    if way.startswith("sync"):
        with Anthropic(**client) as anthropic:
            loop(anthropic, tools, way)
    else:
        asyncio.run(aloop(AsyncAnthropic(**client), tools, way))


def loop(anthropic, tools, way):
    messages = [{"role": "user", "content": PROMPT}]
    while True:
        message = anthropic.messages.create(messages=messages, **OPTIONS)
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return
        messages += told(message, calls, run_calls([(tools[call.name], call.input) for call in calls], way))


async def aloop(anthropic, tools, way):
    async with anthropic:
        messages = [{"role": "user", "content": PROMPT}]
        while True:
            message = await anthropic.messages.create(messages=messages, **OPTIONS)
            calls = [block for block in message.content if block.type == "tool_use"]
            if not calls:
                return
            results = await arun_calls([(tools[call.name], call.input) for call in calls], way)
            messages += told(message, calls, results)


def told(message, calls, results):
    yield {"role": "assistant", "content": message.content}
    answers = [
        {"type": "tool_result", "tool_use_id": call.id, "content": result}
        for call, result in zip(calls, results, strict=True)
    ]
    yield {"role": "user", "content": answers}
