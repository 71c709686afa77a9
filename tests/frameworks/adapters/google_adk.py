"""Google's Agent Development Kit."""

from __future__ import annotations

import asyncio
import os

from google.adk.agents import LlmAgent
from google.adk.runners import InMemoryRunner
from google.genai import types
from tools import GEMINI, PROMPT


def run(url, tools, way):
    os.environ |= {"GOOGLE_GEMINI_BASE_URL": url, "GOOGLE_API_KEY": "fake"}
    asyncio.run(arun(LlmAgent(name="helper", model=GEMINI, tools=list(tools.values()))))


async def arun(agent):
    runner = InMemoryRunner(agent=agent, app_name="test")
    session = await runner.session_service.create_session(app_name="test", user_id="user", session_id="session")
    message = types.Content(role="user", parts=[types.Part(text=PROMPT)])
    async for _ in runner.run_async(user_id="user", session_id=session.id, new_message=message):
        pass
    await runner.close()
