"""Cohere's SDK, both versions of its chat, on httpx, asynchronous on aiohttp if wanted."""

from __future__ import annotations

import json

import cohere
import httpx


def chat_v1(prompt):
    return {"model": "command-r", "message": prompt}


def chat_v2(prompt):
    return {"model": "command-a-03-2025", "messages": [{"role": "user", "content": prompt}]}


def read_v1(answer):
    return answer.text, [(call.name, call.parameters) for call in answer.tool_calls or ()]


def read_event_v1(event):
    """The end of a stream repeats the whole answer."""
    return read_v1(event.response) if event.event_type == "stream-end" else ("", [])


def read_v2(answer):
    text = "".join(part.text for part in answer.message.content or ())
    calls = [call.function for call in answer.message.tool_calls or ()]
    return text, [(call.name, json.loads(call.arguments)) for call in calls]


class ReadEventsV2:
    """Tool calls come in pieces."""

    def __init__(self):
        self.name, self.arguments = "", ""

    def __call__(self, event):
        match event.type:
            case "content-delta":
                return event.delta.message.content.text, []
            case "tool-call-start":
                self.name, self.arguments = event.delta.message.tool_calls.function.name, ""
            case "tool-call-delta":
                self.arguments += event.delta.message.tool_calls.function.arguments
            case "tool-call-end":
                return "", [(self.name, json.loads(self.arguments))]
        return "", []


class ChatV1:
    def __init__(self, url):
        self.client = cohere.Client(api_key="fake", base_url=url)

    def close(self):
        self.client.__exit__(None, None, None)

    def ask(self, prompt):
        return read_v1(self.client.chat(**chat_v1(prompt)))

    def stream(self, prompt):
        yield from map(read_event_v1, self.client.chat_stream(**chat_v1(prompt)))


class ChatV2(ChatV1):
    def __init__(self, url):
        self.client = cohere.ClientV2(api_key="fake", base_url=url)

    def ask(self, prompt):
        return read_v2(self.client.chat(**chat_v2(prompt)))

    def stream(self, prompt):
        yield from map(ReadEventsV2(), self.client.chat_stream(**chat_v2(prompt)))


class AsyncChatV1:
    def __init__(self, url, http):
        self.client = cohere.AsyncClient(api_key="fake", base_url=url, httpx_client=http)

    async def close(self):
        await self.client.__aexit__(None, None, None)

    async def ask(self, prompt):
        return read_v1(await self.client.chat(**chat_v1(prompt)))

    async def stream(self, prompt):
        async for event in self.client.chat_stream(**chat_v1(prompt)):
            yield read_event_v1(event)


class AsyncChatV2(AsyncChatV1):
    def __init__(self, url, http):
        self.client = cohere.AsyncClientV2(api_key="fake", base_url=url, httpx_client=http)

    async def ask(self, prompt):
        return read_v2(await self.client.chat(**chat_v2(prompt)))

    async def stream(self, prompt):
        read = ReadEventsV2()
        async for event in self.client.chat_stream(**chat_v2(prompt)):
            yield read(event)


AGENTS = {"v1": ChatV1, "v2": ChatV2}
ASYNC_AGENTS = {
    "v1_httpx": lambda url: AsyncChatV1(url, httpx.AsyncClient()),
    "v2_httpx": lambda url: AsyncChatV2(url, httpx.AsyncClient()),
    "v2_aiohttp": lambda url: AsyncChatV2(url, cohere.DefaultAioHttpClient()),
}
