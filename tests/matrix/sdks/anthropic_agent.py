"""Agents on Anthropic's SDK, in every way to call it; copied and run by `test_sdks.py`."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import anthropic
import pytest

from conftest import CASSETTES, CITIES, URL, now_ns

pytestmark = [pytest.mark.vcr] if CASSETTES else []
TTFT_CALLS = 7


@pytest.fixture
def client():
    with anthropic.Anthropic(base_url=URL, api_key="fake", max_retries=0) as client:
        yield client


def async_client():
    return anthropic.AsyncAnthropic(base_url=URL, api_key="fake", max_retries=0)


def ask(prompt):
    return {"model": "claude-sonnet-4-6", "max_tokens": 500, "messages": [{"role": "user", "content": prompt}]}


def read(message):
    """Texts and tool calls of a message."""
    texts = [block.text for block in message.content if block.type == "text"]
    calls = [block for block in message.content if block.type == "tool_use"]
    return texts, [f"{call.name} {json.dumps(call.input)}" for call in calls]


def test_messages_whole(client, note):
    note(*read(client.messages.create(**ask("use tools"))))


def test_messages_streamed(client, note):
    with client.messages.stream(**ask("use tools")) as stream:
        note(*read(stream.get_final_message()))


async def test_messages_async_whole(note):
    async with async_client() as client:
        note(*read(await client.messages.create(**ask("use tools"))))


async def test_messages_async_streamed(note):
    async with async_client() as client, client.messages.stream(**ask("use tools")) as stream:
        note(*read(await stream.get_final_message()))


def test_messages_threads(client, note):
    def answer(city):
        with client.messages.stream(**ask(city)) as stream:
            return read(stream.get_final_message())[0][0]

    with ThreadPoolExecutor(16) as pool:
        note(list(pool.map(answer, CITIES)), [])


def test_ttft_sync(client, note_ttft):
    seen = []
    for _ in range(TTFT_CALLS):
        start = now_ns()
        with client.messages.create(**ask("take your time"), stream=True) as stream:
            next(iter(stream))
            seen.append(now_ns() - start)
    note_ttft(seen)


async def test_ttft_async(note_ttft):
    seen = []
    async with async_client() as client:
        for _ in range(TTFT_CALLS):
            start = now_ns()
            async with await client.messages.create(**ask("take your time"), stream=True) as stream:
                await anext(aiter(stream))
                seen.append(now_ns() - start)
    note_ttft(seen)
