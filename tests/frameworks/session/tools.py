"""What the agents of all frameworks share: three tools that take about 0.3 s each and their own log of when they ran."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

PROMPT = "Compare Paris and Rome."
MODEL = "gpt-4o-mini"
GEMINI = "gemini-2.5-flash"
SECONDS = {"search": 0.3, "fetch": 0.35, "weather": 0.4}
"""They differ, so that who is taken for whom shows, and so that the order in which they end is the same in every run."""

CALLS = {"search": {"query": "Paris"}, "fetch": {"url": "https://rome.example/"}, "weather": {"city": "Rome"}}
"""What the model asks for, all in its first answer."""

DESCRIPTIONS = [
    {
        "name": name,
        "description": name,
        "parameters": {"type": "object", "properties": {key: {"type": "string"}}, "required": [key]},
    }
    for name, (key,) in CALLS.items()
]


@contextmanager
def logged(name):
    """A line in the log, which tools in other processes write too: tool, start and end by `time.monotonic_ns`."""
    start = time.monotonic_ns()
    yield
    with open(os.environ["TOOL_LOG"], "a", encoding="utf-8") as file:
        file.write(json.dumps([name, start, time.monotonic_ns()]) + "\n")


def sync_tools(lock=None):
    lock = lock or nullcontext()

    def search(query: str) -> str:
        """Find pages.

        Args:
            query: what for
        """
        with logged("search"), lock:
            time.sleep(SECONDS["search"])
        return f"pages about {query}"

    def fetch(url: str) -> str:
        """Read a page.

        Args:
            url: where
        """
        with logged("fetch"), lock:
            time.sleep(SECONDS["fetch"])
        return f"what {url} says"

    def weather(city: str) -> str:
        """Tell the weather.

        Args:
            city: where
        """
        with logged("weather"), lock:
            time.sleep(SECONDS["weather"])
        return f"sun over {city}"

    return {"search": search, "fetch": fetch, "weather": weather}


def async_tools(lock=None):
    lock = lock or nullcontext()

    async def search(query: str) -> str:
        """Find pages."""
        with logged("search"):
            async with lock:
                await asyncio.sleep(SECONDS["search"])
        return f"pages about {query}"

    async def fetch(url: str) -> str:
        """Read a page."""
        with logged("fetch"):
            async with lock:
                await asyncio.sleep(SECONDS["fetch"])
        return f"what {url} says"

    async def weather(city: str) -> str:
        """Tell the weather."""
        with logged("weather"):
            async with lock:
                await asyncio.sleep(SECONDS["weather"])
        return f"sun over {city}"

    return {"search": search, "fetch": fetch, "weather": weather}


def blocking_tools():
    """Coroutines that hold their event loop."""

    async def search(query: str) -> str:
        """Find pages."""
        with logged("search"):
            time.sleep(SECONDS["search"])
        return f"pages about {query}"

    async def fetch(url: str) -> str:
        """Read a page."""
        with logged("fetch"):
            time.sleep(SECONDS["fetch"])
        return f"what {url} says"

    async def weather(city: str) -> str:
        """Tell the weather."""
        with logged("weather"):
            time.sleep(SECONDS["weather"])
        return f"sun over {city}"

    return {"search": search, "fetch": fetch, "weather": weather}


TOOLS = {
    "sync": sync_tools,
    "async": async_tools,
    "blocking": blocking_tools,
    "locked": lambda: async_tools(asyncio.Lock()),
    "guarded": lambda: sync_tools(threading.Lock()),
}
"""By the first word of a way to run an agent."""


def run_calls(calls, way):
    """The results of functions with their arguments, in order."""
    if way == "sync_threads":
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda call: call[0](**call[1]), calls))
    return [function(**arguments) for function, arguments in calls]


async def arun_calls(calls, way):
    if way == "async_sequential":
        return [await function(**arguments) for function, arguments in calls]
    return await asyncio.gather(*(function(**arguments) for function, arguments in calls))
