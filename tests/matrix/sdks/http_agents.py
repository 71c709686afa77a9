"""HTTP clients without an SDK, in each way to read a body piece by piece."""

from __future__ import annotations

import json

import aiohttp
import httpx
import httpx2
import requests
import urllib3

PATH = "/v1/chat/completions"


def body(prompt, *, stream):
    message = {"role": "user", "content": prompt}
    return {"model": "gpt-4o-mini", "messages": [message], "stream": stream, "stream_options": {"include_usage": True}}


def read(data):
    message = json.loads(data)["choices"][0]["message"]
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return message["content"], [(call["name"], json.loads(call["arguments"])) for call in calls]


class ReadPieces:
    """Pieces of bytes, cut anywhere, as server-sent events."""

    def __init__(self):
        self.data, self.calls = b"", []

    def __call__(self, piece):
        *events, self.data = (self.data + piece).split(b"\n\n")
        return "".join(map(self.read_event, events)), []

    def read_event(self, event):
        data = event.removeprefix(b"data: ")
        choices = [] if data == b"[DONE]" else json.loads(data)["choices"]
        for choice in choices:
            for call in choice["delta"].get("tool_calls", ()):
                if "name" in call["function"]:
                    self.calls.append([call["function"]["name"], ""])
                self.calls[-1][1] += call["function"]["arguments"]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    def end(self):
        assert not self.data
        return "", [(name, json.loads(arguments)) for name, arguments in self.calls]


class Sync:
    def ask(self, prompt):
        return read(b"".join(self.pieces(body(prompt, stream=False))))

    def stream(self, prompt):
        events = ReadPieces()
        yield from map(events, self.pieces(body(prompt, stream=True)))
        yield events.end()


class Httpx(Sync):
    MODULE = httpx

    def __init__(self, url):
        self.client = self.MODULE.Client(base_url=url)

    def close(self):
        self.client.close()

    def pieces(self, content):
        with self.client.stream("POST", PATH, json=content) as response:
            yield from response.iter_bytes()


class Httpx2(Httpx):
    MODULE = httpx2


class Requests(Sync):
    def __init__(self, url):
        self.url, self.client = url + PATH, requests.Session()

    def close(self):
        self.client.close()

    def pieces(self, content):
        with self.client.post(self.url, json=content, stream=True) as response:
            yield from response.iter_content(None)


class RequestsLines(Requests):
    def pieces(self, content):
        with self.client.post(self.url, json=content, stream=True) as response:
            yield from (line + b"\n" for line in response.iter_lines(chunk_size=1))


class Urllib3(Sync):
    def __init__(self, url):
        self.url, self.client = url + PATH, urllib3.PoolManager()

    def close(self):
        self.client.clear()

    def pieces(self, content):
        response = self.client.request("POST", self.url, json=content, preload_content=False)
        yield from self.read(response)
        response.release_conn()

    def read(self, response):
        yield from response.stream()


class Urllib3Chunks(Urllib3):
    def read(self, response):
        yield from response.read_chunked() if response.chunked else response.stream()


class Async:
    async def ask(self, prompt):
        return read(b"".join([piece async for piece in self.pieces(body(prompt, stream=False))]))

    async def stream(self, prompt):
        events = ReadPieces()
        async for piece in self.pieces(body(prompt, stream=True)):
            yield events(piece)
        yield events.end()


class AsyncHttpx(Async):
    MODULE = httpx

    def __init__(self, url):
        self.client = self.MODULE.AsyncClient(base_url=url)

    async def close(self):
        await self.client.aclose()

    async def pieces(self, content):
        async with self.client.stream("POST", PATH, json=content) as response:
            async for piece in response.aiter_bytes():
                yield piece


class AsyncHttpx2(AsyncHttpx):
    MODULE = httpx2


class Aiohttp(Async):
    def __init__(self, url):
        self.url, self.client = url + PATH, aiohttp.ClientSession()

    async def close(self):
        await self.client.close()

    async def pieces(self, content):
        headers = {"content-type": "application/json"}
        async with self.client.post(self.url, data=json.dumps(content).encode(), headers=headers) as response:
            async for piece in response.content.iter_any():
                yield piece


class AiohttpBaseUrl(Aiohttp):
    """And `json=`, and the lines of an answer one by one."""

    def __init__(self, url):
        self.url, self.client = PATH, aiohttp.ClientSession(base_url=url)

    async def pieces(self, content):
        async with self.client.post(self.url, json=content) as response:
            async for line in response.content:
                yield line


AGENTS = {
    "httpx": Httpx,
    "httpx2": Httpx2,
    "requests": Requests,
    "requests_lines": RequestsLines,
    "urllib3": Urllib3,
    "urllib3_chunks": Urllib3Chunks,
}
ASYNC_AGENTS = {"httpx": AsyncHttpx, "httpx2": AsyncHttpx2, "aiohttp": Aiohttp, "aiohttp_base_url": AiohttpBaseUrl}
