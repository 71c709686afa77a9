"""A synchronous client inside of an async agent."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {"AP201": ""}
ANSWERS = [Answer(text="Hello.")]


async def agent():
    client = world.openai()
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi."}])
