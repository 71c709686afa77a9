"""Mistral's SDK, on httpx2."""

from __future__ import annotations

import json

from mistralai.client import Mistral


def request(prompt):
    return {"model": "mistral-small-latest", "messages": [{"role": "user", "content": prompt}]}


def read(message):
    calls = [call.function for call in message.tool_calls or ()]
    return message.content or "", [(call.name, json.loads(call.arguments)) for call in calls]


class Chat:
    def __init__(self, url):
        self.client = Mistral(api_key="fake", server_url=f"{url}/mistral")

    def close(self):
        self.client.__exit__(None, None, None)

    def ask(self, prompt):
        return read(self.client.chat.complete(**request(prompt)).choices[0].message)

    def stream(self, prompt):
        with self.client.chat.stream(**request(prompt)) as stream:
            for event in stream:
                yield read(event.data.choices[0].delta)


class AsyncChat:
    def __init__(self, url):
        self.client = Mistral(api_key="fake", server_url=f"{url}/mistral")

    async def close(self):
        await self.client.__aexit__(None, None, None)

    async def ask(self, prompt):
        return read((await self.client.chat.complete_async(**request(prompt))).choices[0].message)

    async def stream(self, prompt):
        async with await self.client.chat.stream_async(**request(prompt)) as stream:
            async for event in stream:
                yield read(event.data.choices[0].delta)


AGENTS = {"chat": Chat}
ASYNC_AGENTS = {"chat": AsyncChat}
