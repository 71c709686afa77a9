"""pydantic-ai: tools that are registered on the agent and reach a database through its dependencies."""

import asyncio
import os
from dataclasses import dataclass

from openai import AsyncOpenAI
from pydantic_ai import Agent, RunContext
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

NEEDS = ("pydantic-ai-slim", "openai")
CALLS = (("balance", {"include_pending": True}), ("cards", {}), ("rate", {"currency": "EUR"}))
VARIANTS = {"sleep_to_blocking": "blocking"}


class Database:
    async def read(self, what):
        await asyncio.sleep({"balance": 0.2, "cards": 0.25, "rate": 0.35}[what])
        return f"{what}: fine"


@dataclass
class Dependencies:
    customer: int
    database: Database


bank = Agent(deps_type=Dependencies, instructions="You work for a bank.")


@bank.tool
async def balance(context: RunContext[Dependencies], include_pending: bool) -> str:
    """What is in the account."""
    return await context.deps.database.read("balance")


@bank.tool
async def cards(context: RunContext[Dependencies]) -> str:
    """The customer's cards."""
    return await context.deps.database.read("cards")


@bank.tool
async def rate(context: RunContext[Dependencies], currency: str) -> str:
    """The rate of exchange."""
    return await context.deps.database.read("rate")


async def agent():
    async with AsyncOpenAI(base_url=f"{os.environ['PROVIDER_URL']}/v1", api_key="fake", max_retries=0) as openai:
        model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=openai))
        await bank.run("How rich am I?", model=model, deps=Dependencies(1, Database()))
