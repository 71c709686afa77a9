"""The same agent: chapters in batches, a model that fits the task, answers kept, and the preface streamed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from openai import AsyncOpenAI

MODELS = {"plan": "gpt-4o", "write": "gpt-4o", "grade": "gpt-4o-mini", "reply": "gpt-4o-mini"}
AT_ONCE = 3


async def say(client: AsyncOpenAI, task: str, role: str, text: str) -> str:
    answer = await client.chat.completions.create(model=MODELS[task], messages=messages(role, text))
    return answer.choices[0].message.content


def messages(role: str, text: str) -> list[Any]:
    return [{"role": "system", "content": role}, {"role": "user", "content": text}]


async def plan(client: AsyncOpenAI, topic: str) -> list[str]:
    return (await say(client, "plan", "Plan a course. One chapter a line.", topic)).splitlines()


async def in_batches(requests: list[Coroutine[Any, Any, str]]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(requests), AT_ONCE):
        found += await asyncio.gather(*requests[start : start + AT_ONCE])
    return found


async def chapters(client: AsyncOpenAI, titles: list[str]) -> list[str]:
    return await in_batches([say(client, "write", "Write a chapter.", title) for title in titles])


async def grade(client: AsyncOpenAI, answers: list[str]) -> list[bool]:
    said = await in_batches([say(client, "grade", "Is it right? Say yes or no.", answer) for answer in answers])
    return [word == "yes" for word in said]


class PromptCache:
    """An answer for each prompt; who asks while it is still under way waits for the same."""

    def __init__(self) -> None:
        self._answers: dict[str, asyncio.Future[str]] = {}
        self.hits = 0

    async def ask(self, client: AsyncOpenAI, question: str) -> str:
        if question in self._answers:
            self.hits += 1
        else:
            self._answers[question] = asyncio.ensure_future(say(client, "reply", "Reply to a student.", question))
        return await self._answers[question]


async def reply(client: AsyncOpenAI, questions: list[str]) -> list[str]:
    cache = PromptCache()
    return await in_batches([cache.ask(client, question) for question in questions])


async def preface(client: AsyncOpenAI, titles: list[str]) -> list[str]:
    """Piece by piece, as a reader sees it."""
    stream = await client.chat.completions.create(
        model=MODELS["write"],
        messages=messages("Write a preface.", "\n".join(titles)),
        stream=True,
        stream_options={"include_usage": True},
    )
    return [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
