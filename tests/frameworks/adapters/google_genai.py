"""google-genai with automatic function calling."""

from __future__ import annotations

import asyncio

from google import genai
from google.genai import types
from tools import GEMINI, PROMPT


def run(url, tools, way):
    client = genai.Client(api_key="fake", http_options=types.HttpOptions(base_url=url))
    options = {
        "model": GEMINI,
        "contents": PROMPT,
        "config": types.GenerateContentConfig(tools=list(tools.values())),
    }
    if way == "sync":
        client.models.generate_content(**options)
        client.close()
    else:
        asyncio.run(arun(client, options))


async def arun(client, options):
    await client.aio.models.generate_content(**options)
    await client.aio.aclose()
