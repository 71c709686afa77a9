"""Cancel an invoice."""

import asyncio

TAKES = {"type": "object", "properties": {"invoice": {"type": "string"}}, "required": ["invoice"]}


async def run(invoice: str) -> str:
    await asyncio.sleep(0.25)
    return f"{invoice} cancelled"
