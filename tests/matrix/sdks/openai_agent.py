"""Agents on OpenAI's SDK, in every way to call it; copied and run by `test_sdks.py`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from conftest import CASSETTES, CITIES, URL, now_ns

pytestmark = [pytest.mark.vcr] if CASSETTES else []
TTFT_CALLS = 7
WITH_USAGE = {"stream_options": {"include_usage": True}}


@pytest.fixture
def client():
    with openai.OpenAI(base_url=f"{URL}/v1", api_key="fake", max_retries=0) as client:
        yield client


def async_client():
    return openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="fake", max_retries=0)


def chat(prompt):
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]}


def response(prompt):
    return {"model": "gpt-5-mini", "input": prompt}


def read_chat(completion):
    """Texts and tool calls of a completion."""
    message = completion.choices[0].message
    calls = message.tool_calls or ()
    return [message.content], [f"{call.function.name} {call.function.arguments}" for call in calls]


def read_response(answer):
    calls = [item for item in answer.output if item.type == "function_call"]
    return [answer.output_text], [f"{call.name} {call.arguments}" for call in calls]


def test_chat_whole(client, note):
    note(*read_chat(client.chat.completions.create(**chat("use tools"))))


def test_chat_streamed(client, note):
    with client.chat.completions.stream(**chat("use tools"), **WITH_USAGE) as stream:
        note(*read_chat(stream.get_final_completion()))


async def test_chat_async_whole(note):
    async with async_client() as client:
        note(*read_chat(await client.chat.completions.create(**chat("use tools"))))


async def test_chat_async_streamed(note):
    async with async_client() as client, client.chat.completions.stream(**chat("use tools"), **WITH_USAGE) as stream:
        note(*read_chat(await stream.get_final_completion()))


def test_chat_threads(client, note):
    def ask(city):
        with client.chat.completions.stream(**chat(city), **WITH_USAGE) as stream:
            return read_chat(stream.get_final_completion())[0][0]

    with ThreadPoolExecutor(16) as pool:
        note(list(pool.map(ask, CITIES)), [])


def test_responses_whole(client, note):
    note(*read_response(client.responses.create(**response("use tools"))))


def test_responses_streamed(client, note):
    with client.responses.stream(**response("use tools")) as stream:
        note(*read_response(stream.get_final_response()))


async def test_responses_async_whole(note):
    async with async_client() as client:
        note(*read_response(await client.responses.create(**response("use tools"))))


async def test_responses_async_streamed(note):
    async with async_client() as client, client.responses.stream(**response("use tools")) as stream:
        note(*read_response(await stream.get_final_response()))


def test_responses_threads(client, note):
    def ask(city):
        return client.responses.create(**response(city)).output_text

    with ThreadPoolExecutor(16) as pool:
        note(list(pool.map(ask, CITIES)), [])


def test_ttft_sync(client, note_ttft):
    seen = []
    for _ in range(TTFT_CALLS):
        start = now_ns()
        with client.chat.completions.create(**chat("take your time"), stream=True) as stream:
            next(iter(stream))
            seen.append(now_ns() - start)
    note_ttft(seen)


async def test_ttft_async(note_ttft):
    seen = []
    async with async_client() as client:
        for _ in range(TTFT_CALLS):
            start = now_ns()
            async with await client.chat.completions.create(**chat("take your time"), stream=True) as stream:
                await anext(aiter(stream))
                seen.append(now_ns() - start)
    note_ttft(seen)
