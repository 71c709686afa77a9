"""Find a customer."""

import asyncio

TAKES = {"type": "object", "properties": {"customer": {"type": "string"}}, "required": ["customer"]}


async def run(customer: str) -> str:
    await asyncio.sleep(0.2)
    return f"customer {customer} is Ada Byron, invoices INV-88 and INV-89"
