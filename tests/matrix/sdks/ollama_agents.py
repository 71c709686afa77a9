"""Ollama's SDK, on httpx."""

from __future__ import annotations

import ollama


def request(prompt):
    return {"model": "qwen3", "messages": [{"role": "user", "content": prompt}]}


def read(answer):
    calls = [call.function for call in answer.message.tool_calls or ()]
    return answer.message.content or "", [(call.name, dict(call.arguments)) for call in calls]


class Chat:
    def __init__(self, url):
        self.client = ollama.Client(host=url)

    def close(self):
        self.client.close()

    def ask(self, prompt):
        return read(self.client.chat(**request(prompt)))

    def stream(self, prompt):
        yield from map(read, self.client.chat(**request(prompt), stream=True))


class AsyncChat:
    def __init__(self, url):
        self.client = ollama.AsyncClient(host=url)

    async def close(self):
        await self.client.close()

    async def ask(self, prompt):
        return read(await self.client.chat(**request(prompt)))

    async def stream(self, prompt):
        async for answer in await self.client.chat(**request(prompt), stream=True):
            yield read(answer)


AGENTS = {"chat": Chat}
ASYNC_AGENTS = {"chat": AsyncChat}
