"""llama-index: a FunctionAgent whose tools share a client."""

import asyncio
import os

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI

NEEDS = ("llama-index-core", "llama-index-llms-openai")
CALLS = (("multiply", {"a": 3, "b": 4}), ("add", {"a": 3, "b": 4}))
VARIANTS = {"sleep_to_blocking": "blocking"}


async def multiply(a: int, b: int) -> str:
    """Multiply two numbers, far away."""
    await asyncio.sleep(0.2)
    return f"{a * b}: fine"


async def add(a: int, b: int) -> str:
    """Add two numbers, far away."""
    await asyncio.sleep(0.3)
    return f"{a + b}: fine"


async def agent():
    model = OpenAI(model="gpt-4o-mini", api_base=f"{os.environ['PROVIDER_URL']}/v1", api_key="fake", max_retries=0)
    helper = FunctionAgent(tools=[multiply, add], llm=model, system_prompt="You calculate.")
    await helper.run("What is 3 times 4, and 3 plus 4?")
