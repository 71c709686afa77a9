"""OpenAI's SDK, both of its APIs: on httpx in version 2, on httpx2 in version 3; asynchronous on aiohttp if wanted."""

from __future__ import annotations

import json

import openai

WITH_USAGE = {"stream_options": {"include_usage": True}}


def chat(prompt):
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]}


def response(prompt):
    return {"model": "gpt-5-mini", "input": prompt}


def read_chat(completion):
    message = completion.choices[0].message
    calls = [call.function for call in message.tool_calls or ()]
    return message.content or "", [(call.name, json.loads(call.arguments)) for call in calls]


def read_response(answer):
    calls = [item for item in answer.output if item.type == "function_call"]
    return answer.output_text, [(call.name, json.loads(call.arguments)) for call in calls]


class Chat:
    def __init__(self, url):
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key="fake", max_retries=0)

    def close(self):
        self.client.close()

    def ask(self, prompt):
        return read_chat(self.client.chat.completions.create(**chat(prompt)))

    def stream(self, prompt):
        with self.client.chat.completions.stream(**chat(prompt), **WITH_USAGE) as stream:
            for _ in stream:
                yield "", []
            yield read_chat(stream.get_final_completion())


class Responses(Chat):
    def ask(self, prompt):
        return read_response(self.client.responses.create(**response(prompt)))

    def stream(self, prompt):
        with self.client.responses.stream(**response(prompt)) as stream:
            for _ in stream:
                yield "", []
            yield read_response(stream.get_final_response())


class AsyncChat:
    def __init__(self, url, **options):
        self.client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="fake", max_retries=0, **options)

    async def close(self):
        await self.client.close()

    async def ask(self, prompt):
        return read_chat(await self.client.chat.completions.create(**chat(prompt)))

    async def stream(self, prompt):
        async with self.client.chat.completions.stream(**chat(prompt), **WITH_USAGE) as stream:
            async for _ in stream:
                yield "", []
            yield read_chat(await stream.get_final_completion())


class AsyncResponses(AsyncChat):
    async def ask(self, prompt):
        return read_response(await self.client.responses.create(**response(prompt)))

    async def stream(self, prompt):
        async with self.client.responses.stream(**response(prompt)) as stream:
            async for _ in stream:
                yield "", []
            yield read_response(await stream.get_final_response())


AGENTS = {"chat": Chat, "responses": Responses}
ASYNC_AGENTS = {
    "chat": AsyncChat,
    "chat_aiohttp": lambda url: AsyncChat(url, http_client=openai.DefaultAioHttpClient()),
    "responses": AsyncResponses,
}
