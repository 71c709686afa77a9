"""SDKs retry and agents catch; a miss goes through both."""

from __future__ import annotations

import asyncio

import pytest

from pytest_agentperf.record.cassette import CassetteMiss

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def openai_agent(provider):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=provider.url + "/v1", api_key="fake")
    return lambda: client.chat.completions.create(**ASK)


def openai_async_agent(provider):
    openai = pytest.importorskip("openai")

    async def ask():
        async with openai.AsyncOpenAI(base_url=provider.url + "/v1", api_key="fake") as client:
            return await client.responses.create(model="gpt-4o", input="hi")

    return lambda: asyncio.run(ask())


def anthropic_agent(provider):
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(base_url=provider.url, api_key="fake")

    def ask():
        with client.messages.stream(max_tokens=9, **ASK) as stream:
            return stream.get_final_message()

    return ask


@pytest.mark.parametrize("make", [openai_agent, openai_async_agent, anthropic_agent])
def test_a_miss_passes_retries_and_except_exception(provider, cassette, recorder, make):
    agent = make(provider)
    with cassette("none"), pytest.raises(CassetteMiss):
        try:
            agent()
        except Exception:
            pytest.fail("swallowed")
    assert len(recorder.stops) == 1
    assert provider.hits == []
