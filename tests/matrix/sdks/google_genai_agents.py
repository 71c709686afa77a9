"""Google's SDK, on httpx2; asynchronous on aiohttp where that is installed, unless it is given a client of httpx2."""

from __future__ import annotations

import httpx2
from google import genai

MODEL = "gemini-2.5-flash"


def client(url, **options):
    return genai.Client(api_key="fake", http_options={"base_url": url, **options})


def read(answer):
    parts = [part for candidate in answer.candidates for part in candidate.content.parts or ()]
    calls = [part.function_call for part in parts if part.function_call]
    return "".join(part.text or "" for part in parts), [(call.name, call.args) for call in calls]


class Content:
    def __init__(self, url):
        self.client = client(url)

    def close(self):
        self.client.close()

    def ask(self, prompt):
        return read(self.client.models.generate_content(model=MODEL, contents=prompt))

    def stream(self, prompt):
        for answer in self.client.models.generate_content_stream(model=MODEL, contents=prompt):
            yield read(answer)


class AsyncContent:
    def __init__(self, url, **options):
        self.given = options.values()
        self.client = client(url, **options)

    async def close(self):
        await self.client.aio.aclose()
        for http in self.given:
            await http.aclose()

    async def ask(self, prompt):
        return read(await self.client.aio.models.generate_content(model=MODEL, contents=prompt))

    async def stream(self, prompt):
        async for answer in await self.client.aio.models.generate_content_stream(model=MODEL, contents=prompt):
            yield read(answer)


AGENTS = {"content": Content}
ASYNC_AGENTS = {
    "content_aiohttp": AsyncContent,
    "content_httpx2": lambda url: AsyncContent(url, httpx_async_client=httpx2.AsyncClient()),
}
