"""LiteLLM: OpenAI through OpenAI's SDK (httpx), the others on clients of its own (httpx); asynchronous all on aiohttp."""

from __future__ import annotations

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else its import asks the network for prices

import litellm


def read(message):
    calls = [call.function for call in message.tool_calls or ()]
    return message.content or "", [(call.name, json.loads(call.arguments)) for call in calls]


class ReadChunks:
    """Tool calls come in pieces: the first names it, the next are arguments."""

    def __init__(self):
        self.calls = []

    def __call__(self, chunk):
        delta = chunk.choices[0].delta
        for call in delta.tool_calls or ():
            if call.function.name:
                self.calls.append([call.function.name, ""])
            self.calls[-1][1] += call.function.arguments or ""
        return delta.content or "", []

    def end(self):
        return "", [(name, json.loads(arguments)) for name, arguments in self.calls]


class OpenAI:
    MODEL, PATH = "openai/gpt-4o-mini", "/v1"

    def __init__(self, url):
        self.url = url

    def close(self):
        pass

    def request(self, prompt):
        messages = [{"role": "user", "content": prompt}]
        return {"model": self.MODEL, "api_base": self.url + self.PATH, "api_key": "fake", "messages": messages}

    def ask(self, prompt):
        return read(litellm.completion(**self.request(prompt)).choices[0].message)

    def stream(self, prompt):
        chunks = ReadChunks()
        options = {"include_usage": True}
        yield from map(chunks, litellm.completion(**self.request(prompt), stream=True, stream_options=options))
        yield chunks.end()


class Anthropic(OpenAI):
    MODEL, PATH = "anthropic/claude-sonnet-4-6", ""


class AsyncOpenAI(OpenAI):
    async def close(self):
        await litellm.close_litellm_async_clients()

    async def ask(self, prompt):
        return read((await litellm.acompletion(**self.request(prompt))).choices[0].message)

    async def stream(self, prompt):
        chunks = ReadChunks()
        options = {"include_usage": True}
        async for chunk in await litellm.acompletion(**self.request(prompt), stream=True, stream_options=options):
            yield chunks(chunk)
        yield chunks.end()


class AsyncAnthropic(AsyncOpenAI):
    MODEL, PATH = Anthropic.MODEL, Anthropic.PATH


AGENTS = {"openai": OpenAI, "anthropic": Anthropic}
ASYNC_AGENTS = {"openai": AsyncOpenAI, "anthropic": AsyncAnthropic}
