"""Through a proxy: an exchange is with its provider, and a replay asks neither."""

from __future__ import annotations

import asyncio
import json
import urllib.request

import pytest
import yaml

from pytest_agentperf.model.exchange import Origin

URL = "http://llm.example.test/v1/chat/completions"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
JSON = {"content-type": "application/json"}
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there."""


def by_httpx(url, proxy):
    httpx = pytest.importorskip("httpx")
    with httpx.Client(proxy=proxy) as client:
        return client.post(url, json=BODY).content


def by_httpx2(url, proxy):
    httpx2 = pytest.importorskip("httpx2")
    with httpx2.Client(proxy=proxy) as client:
        return client.post(url, json=BODY).content


def by_aiohttp(url, proxy):
    aiohttp = pytest.importorskip("aiohttp")

    async def ask():
        async with aiohttp.ClientSession() as session, session.post(url, json=BODY, proxy=proxy) as answer:
            return await answer.read()

    return asyncio.run(ask())


def by_urllib3(url, proxy):
    urllib3 = pytest.importorskip("urllib3")
    with urllib3.ProxyManager(proxy, retries=False) as pool:
        return pool.request("POST", url, body=json.dumps(BODY).encode(), headers=JSON).data


def by_requests(url, proxy):
    requests = pytest.importorskip("requests")
    return requests.post(url, json=BODY, proxies={"http": proxy, "https": proxy}, timeout=10).content


def by_urllib(url, proxy):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    with opener.open(urllib.request.Request(url, data=json.dumps(BODY).encode(), headers=JSON)) as answer:
        return answer.read()


STACKS = [by_httpx, by_httpx2, by_aiohttp, by_urllib3, by_requests, by_urllib]


@pytest.mark.parametrize("ask", STACKS)
def test_recorded_through_a_proxy_and_replayed_without(ask, provider, cassette, recorder, tmp_path):
    with cassette("once"):
        seen = ask(URL, provider.url)
    with cassette("none"):
        assert ask(URL, NOWHERE) == seen
    assert len(provider.hits) == 1
    (stored,) = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    assert stored["request"]["uri"] == URL
    assert [reading.call.origin for reading in recorder.recording().readings] == [Origin.RECORDED, Origin.REPLAYED]


@pytest.mark.parametrize("ask", STACKS)
def test_a_replay_builds_no_tunnel(ask, provider, cassette, recorder, tmp_path):
    with cassette("once"):
        seen = ask(URL, provider.url)
    path = tmp_path / "tape.yaml"
    path.write_text(path.read_text("utf-8").replace("http://llm.", "https://llm."), "utf-8")
    with cassette("none"):
        assert ask(URL.replace("http:", "https:"), NOWHERE) == seen
    assert recorder.stops == []
