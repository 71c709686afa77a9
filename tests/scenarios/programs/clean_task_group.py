"""A task group; OpenAI's responses."""

import asyncio
import json
import time

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101", "AP201")
VARIANTS = {"task_to_await": {"AP101": "loop"}, "sleep_to_blocking": {"AP101": "blocking", "AP201": ""}}
ANSWERS = [
    Answer(tools=tuple(Tool(name="translate", arguments={"text": text}) for text in ("one", "two", "three"))),
    Answer(text="eins zwei drei"),
]
TOOLS = [{"type": "function", "name": "translate", "parameters": {"type": "object", "properties": {}}, "strict": False}]


@world.tool
async def translate(text):
    await asyncio.sleep(0.2)
    return text[::-1]


async def finished(task):
    await task
    return task


async def agent():
    client = world.async_openai()
    items = [{"role": "user", "content": "Translate."}]
    while True:
        answer = await client.responses.create(model="gpt-4o", input=items, tools=TOOLS)
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return
        items += [item.to_dict() for item in answer.output]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(translate(**json.loads(call.arguments))) for call in calls]
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": task.result()}
            for call, task in zip(calls, tasks)
        ]
