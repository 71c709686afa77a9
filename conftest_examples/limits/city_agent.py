"""An assistant that looks things up: OpenAI responses with reasoning, tools run as asyncio tasks."""

import asyncio
import json
from typing import Any

from openai import AsyncOpenAI


async def weather(latitude: str, longitude: str) -> str:
    await asyncio.sleep(0.4)  # a slow service
    return f"Current weather at {latitude}, {longitude}: 15°C, Wind: 10 km/h"


async def best_language_to_learn() -> str:
    await asyncio.sleep(0.3)
    return "Ruby"


TOOLS = {tool.__name__: tool for tool in (weather, best_language_to_learn)}


def describe(name: str, description: str, **arguments: str) -> dict[str, Any]:
    properties = {key: {"type": "string", "description": text} for key, text in arguments.items()}
    parameters = {"type": "object", "properties": properties, "required": list(arguments)}
    strictly = {"additionalProperties": False, "strict": True}
    function = {"name": name, "description": description, "parameters": parameters | strictly, "strict": False}
    return {"type": "function"} | function


DESCRIPTIONS = [
    describe(
        "weather",
        "Gets current weather for a location",
        latitude="Latitude (e.g., 52.5200)",
        longitude="Longitude (e.g., 13.4050)",
    ),
    describe("best_language_to_learn", "Gets the best language to learn"),
]


async def ask(client: AsyncOpenAI, question: str) -> str:
    conversation: list[Any] = [{"role": "user", "content": question}]
    while True:
        answer = await client.responses.create(
            model="gpt-5-nano",
            input=conversation,
            tools=DESCRIPTIONS,
            include=["reasoning.encrypted_content"],
            store=False,
            stream=False,
        )
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        conversation += [sent_back(item.to_dict()) for item in answer.output]
        conversation += await asyncio.gather(*map(run_tool, calls))


def sent_back(item: dict[str, Any]) -> dict[str, Any]:
    """What the model has to see again of its own answer."""
    kept = ("type", "summary", "encrypted_content", "call_id", "name", "arguments")
    return {key: item[key] for key in kept if key in item}


async def run_tool(call: Any) -> dict[str, str]:
    result = await TOOLS[call.name](**json.loads(call.arguments))
    return {"type": "function_call_output", "call_id": call.call_id, "output": result}
