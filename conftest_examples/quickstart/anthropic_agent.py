"""An assistant that looks people up: Anthropic messages, tools run as asyncio tasks."""

import asyncio
from typing import Any

from anthropic import AsyncAnthropic

SYSTEM = """
    Use the `retrieve_entity_info` tool to get information about a specific person.
    If you need to use `retrieve_entity_info` to get information about multiple people, try
    to call them in parallel as much as possible.
    Think step by step and then provide a single most probable concise answer.
    """

PEOPLE = {
    "Alice": "alice is bob's wife",
    "Bob": "bob is alice's husband",
    "Charlie": "charlie is alice's son",
    "Daisy": "daisy is bob's daughter and charlie's younger sister",
}


async def retrieve_entity_info(name: str) -> str:
    return PEOPLE[name]


TOOLS = {"retrieve_entity_info": retrieve_entity_info}
DESCRIPTIONS = [
    {
        "name": "retrieve_entity_info",
        "description": "Get the knowledge about the given entity.",
        "input_schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
    }
]


async def ask(client: AsyncAnthropic, question: str) -> str:
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": question}]}]
    while True:
        answer = await client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=4096,
            system=SYSTEM,
            messages=messages,
            tools=DESCRIPTIONS,
            tool_choice={"type": "auto"},
            stream=False,
        )
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls:
            return "".join(block.text for block in answer.content if block.type == "text")
        messages.append({"role": "assistant", "content": answer.content})
        messages.append({"role": "user", "content": await asyncio.gather(*map(run_tool, calls))})


async def run_tool(call: Any) -> dict[str, Any]:
    result = await TOOLS[call.name](**call.input)
    return {"type": "tool_result", "tool_use_id": call.id, "content": result, "is_error": False}
