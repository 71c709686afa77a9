"""Every stack at once from sixteen threads, and event loops beside them: nothing is lost, mixed up or sent again."""

from __future__ import annotations

import asyncio
import importlib
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import yaml

PATH = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def body(prompt):
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}


def by_httpx(module, url, prompt):
    return module.post(url, json=body(prompt), verify=False, timeout=30).json()  # reading certificates takes long


def by_requests(module, url, prompt):
    with module.Session() as session:
        return session.post(url, json=body(prompt), timeout=30).json()


def by_urllib3(module, url, prompt):
    with module.PoolManager() as pool:
        return json.loads(pool.request("POST", url, body=json.dumps(body(prompt)).encode(), headers=JSON).data)


def by_urllib(module, url, prompt):
    with urllib.request.urlopen(module.Request(url, json.dumps(body(prompt)).encode(), JSON)) as answer:
        return json.load(answer)


def by_aiohttp(module, url, prompt):
    async def ask():
        async with module.ClientSession() as session, session.post(url, json=body(prompt)) as answer:
            return await answer.json()

    return asyncio.run(ask())


STACKS = {
    "httpx": by_httpx,
    "httpx2": by_httpx,
    "requests": by_requests,
    "urllib3": by_urllib3,
    "urllib.request": by_urllib,
    "aiohttp": by_aiohttp,
}


def test_three_hundred_mixed(provider, cassette, recorder, tmp_path):
    stacks = []
    for name, ask in STACKS.items():
        try:
            stacks.append((importlib.import_module(name), ask))
        except ImportError:
            continue

    def one(number):
        module, ask = stacks[number % len(stacks)]
        return ask(module, provider.url + PATH, f"prompt {number}")["choices"][0]["message"]["content"]

    right = [f"You said: prompt {number}" for number in range(300)]
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(16))
        for mode in ("once", "none"):
            with cassette(mode):
                assert list(pool.map(one, range(300))) == right
    assert len(provider.hits) == 300
    assert len(yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]) == 300
    assert len(recorder.recording().readings) == 600


def test_boto3_in_threads_beside_an_event_loop(provider, cassette, tmp_path):
    httpx2, boto3 = pytest.importorskip("httpx2"), pytest.importorskip("boto3")
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=provider.url, **keys)

    async def both():
        async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=16)) as client:

            async def chat(number):
                answer = await client.post(provider.url + PATH, json=body(f"prompt {number}"), timeout=30)
                return answer.json()["choices"][0]["message"]["content"]

            def get(number):
                with pytest.raises(s3.exceptions.ClientError):
                    s3.get_object(Bucket="b", Key=f"k{number}")

            asked = [chat(n) if n % 2 else asyncio.to_thread(get, n) for n in range(120)]
            return (await asyncio.gather(*asked))[1::2]

    right = [f"You said: prompt {number}" for number in range(1, 120, 2)]
    for mode in ("once", "none"):
        with cassette(mode):
            assert asyncio.run(both()) == right
    assert len(provider.hits) == 120
