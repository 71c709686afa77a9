"""openai-agents: an agent with two function tools, one of which takes its user from the context."""

import asyncio
import os
import time
from dataclasses import dataclass

from agents import Agent, OpenAIChatCompletionsModel, RunContextWrapper, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

NEEDS = ("openai-agents",)
CALLS = (("orders", {"limit": 3}), ("refund_policy", {"country": "PT"}))
VARIANTS = {"sleep_to_blocking": "blocking", "to_thread_to_direct": "blocking"}


@dataclass
class Customer:
    number: int


def read_policy(country):
    time.sleep(0.3)
    return f"30 days in {country}: fine"


@function_tool
async def orders(context: RunContextWrapper[Customer], limit: int) -> str:
    """The last orders of the customer."""
    await asyncio.sleep(0.4)
    return f"{limit} orders of customer {context.context.number}: fine"


@function_tool
async def refund_policy(country: str) -> str:
    """What can be sent back."""
    return await asyncio.to_thread(read_policy, country)


async def agent():
    set_tracing_disabled(True)
    async with AsyncOpenAI(base_url=f"{os.environ['PROVIDER_URL']}/v1", api_key="fake", max_retries=0) as openai:
        desk = Agent[Customer](
            name="Desk",
            instructions="Help with orders.",
            model=OpenAIChatCompletionsModel("gpt-4o-mini", openai),
            tools=[orders, refund_policy],
        )
        await Runner.run(desk, "Can I send it back?", context=Customer(7))
