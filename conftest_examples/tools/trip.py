"""What the agents of all tests know about a trip: three slow services."""

import asyncio
import time

QUESTION = "Plan a weekend in Lisbon."


async def wait(seconds):
    await asyncio.sleep(seconds)


async def wait_in_the_loop(seconds):
    """What a client that knows no asyncio does, `requests` for example."""
    time.sleep(seconds)


async def weather(city: str) -> str:
    """Tell the weather."""
    await wait(0.4)
    return f"sun over {city}"


async def hotels(city: str) -> str:
    """Find free rooms."""
    await wait(0.5)
    return f"12 hotels in {city}"


async def flights(city: str) -> str:
    """Find flights."""
    await wait(0.3)
    return f"3 flights to {city}"


TOOLS = {tool.__name__: tool for tool in (weather, hotels, flights)}
