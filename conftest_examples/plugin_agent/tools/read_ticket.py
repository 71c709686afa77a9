"""Read a ticket."""

import asyncio

TAKES = {"type": "object", "properties": {"ticket": {"type": "string"}}, "required": ["ticket"]}


async def run(ticket: str) -> str:
    await asyncio.sleep(0.15)
    return f"{ticket}: the invoice of May was sent twice, customer 4711"
