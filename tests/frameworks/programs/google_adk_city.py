"""Google's ADK: one agent whose tools return dicts with a status."""

import asyncio
import os
import time

from google.adk.agents import Agent
from google.adk.runners import InMemoryRunner
from google.genai import types

NEEDS = ("google-adk",)
CALLS = (("get_weather", {"city": "Oslo"}), ("get_current_time", {"city": "Oslo"}))
VARIANTS = {"sleep_to_blocking": "blocking", "to_thread_to_direct": "blocking"}


def look_at_the_clock(city):
    time.sleep(0.3)
    return {"status": "fine", "report": f"noon in {city}"}


async def get_weather(city: str) -> dict:
    """The weather of a city."""
    await asyncio.sleep(0.4)
    return {"status": "fine", "report": f"snow in {city}"}


async def get_current_time(city: str) -> dict:
    """The time in a city."""
    return await asyncio.to_thread(look_at_the_clock, city)


async def agent():
    os.environ |= {"GOOGLE_GEMINI_BASE_URL": os.environ["PROVIDER_URL"], "GOOGLE_API_KEY": "fake"}
    guide = Agent(name="guide", model="gemini-2.5-flash", tools=[get_weather, get_current_time])
    runner = InMemoryRunner(agent=guide, app_name="city")
    session = await runner.session_service.create_session(app_name="city", user_id="user", session_id="one")
    question = types.Content(role="user", parts=[types.Part(text="What is it like in Oslo?")])
    async for _ in runner.run_async(user_id="user", session_id=session.id, new_message=question):
        pass
    await runner.close()
