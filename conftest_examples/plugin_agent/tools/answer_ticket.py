"""Answer a ticket."""

import asyncio

TAKES = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


async def run(text: str) -> str:
    await asyncio.sleep(0.1)
    return "sent"
