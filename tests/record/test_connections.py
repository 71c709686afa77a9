"""Whether an answer came over a new connection is recorded with it."""

from __future__ import annotations

import asyncio
import http.client
from urllib.parse import urlsplit

import aiohttp
import pytest
import requests
import urllib3
import yaml

from server.provider import Answer

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def by_urllib3(url, times):
    with urllib3.PoolManager() as pool:
        for _ in range(times):
            pool.request("POST", url, json=ASK)


def by_requests(url, times):
    with requests.Session() as session:
        for _ in range(times):
            session.post(url, json=ASK, timeout=10)


def by_http_client(url, times):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    for _ in range(times):
        connection.request("POST", urlsplit(url).path, '{"model": "gpt-4o", "messages": []}')
        connection.getresponse().read()
    connection.close()


def by_aiohttp(url, times):
    async def ask():
        async with aiohttp.ClientSession() as session:
            for _ in range(times):
                async with session.post(url, json=ASK) as answer:
                    await answer.read()

    asyncio.run(ask())


def by_httpx(module):
    def ask(url, times):
        with module.Client() as client:
            for _ in range(times):
                client.post(url, json=ASK)

    return ask


def by_httpx_async(module):
    def ask(url, times):
        async def go():
            async with module.AsyncClient() as client:
                for _ in range(times):
                    await client.post(url, json=ASK)

        asyncio.run(go())

    return ask


@pytest.fixture(params=[by_urllib3, by_requests, by_http_client, by_aiohttp], ids=lambda ask: ask.__name__)
def ask(request):
    return request.param


def test_each_stack(ask, provider, cassette, recorder, tmp_path):
    recorded_and_replayed(ask, provider, cassette, recorder, tmp_path)


@pytest.mark.parametrize("make", [by_httpx, by_httpx_async])
def test_httpx(make, stack, provider, cassette, recorder, tmp_path):
    recorded_and_replayed(make(stack), provider, cassette, recorder, tmp_path)


def recorded_and_replayed(ask, provider, cassette, recorder, tmp_path):
    provider.reply = Answer(text="hello")
    url = provider.url + "/v1/chat/completions"
    for mode in ("once", "none"):
        with cassette(mode):
            ask(url, 2)
            ask(url, 1)
    expected = ["new", "reused", "new"]
    assert [reading.call.connection for reading in recorder.recording().readings] == expected * 2
    stored = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    assert [item["response"]["agentperf"]["connection"] for item in stored] == expected
