"""Anthropic's SDK, on httpx2; asynchronous on aiohttp if wanted."""

from __future__ import annotations

import anthropic


def request(prompt):
    return {"model": "claude-sonnet-4-6", "max_tokens": 500, "messages": [{"role": "user", "content": prompt}]}


def read(message):
    calls = [block for block in message.content if block.type == "tool_use"]
    text = "".join(block.text for block in message.content if block.type == "text")
    return text, [(call.name, call.input) for call in calls]


class Messages:
    def __init__(self, url):
        self.client = anthropic.Anthropic(base_url=url, api_key="fake", max_retries=0)

    def close(self):
        self.client.close()

    def ask(self, prompt):
        return read(self.client.messages.create(**request(prompt)))

    def stream(self, prompt):
        with self.client.messages.stream(**request(prompt)) as stream:
            for _ in stream:
                yield "", []
            yield read(stream.get_final_message())


class AsyncMessages:
    def __init__(self, url, **options):
        self.client = anthropic.AsyncAnthropic(base_url=url, api_key="fake", max_retries=0, **options)

    async def close(self):
        await self.client.close()

    async def ask(self, prompt):
        return read(await self.client.messages.create(**request(prompt)))

    async def stream(self, prompt):
        async with self.client.messages.stream(**request(prompt)) as stream:
            async for _ in stream:
                yield "", []
            yield read(await stream.get_final_message())


AGENTS = {"messages": Messages}
ASYNC_AGENTS = {
    "messages": AsyncMessages,
    "messages_aiohttp": lambda url: AsyncMessages(url, http_client=anthropic.DefaultAioHttpClient()),
}
