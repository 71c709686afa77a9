"""An agent that makes a course: plans it, writes its chapters and a preface, grades answers, replies to students."""

from typing import Any

from openai import AsyncOpenAI

LARGE, SMALL = "gpt-4o", "gpt-4o-mini"


async def say(client: AsyncOpenAI, model: str, role: str, text: str) -> str:
    messages: list[Any] = [{"role": "system", "content": role}, {"role": "user", "content": text}]
    answer = await client.chat.completions.create(model=model, messages=messages)
    return answer.choices[0].message.content


async def plan(client: AsyncOpenAI, topic: str) -> list[str]:
    return (await say(client, LARGE, "Plan a course. One chapter a line.", topic)).splitlines()


async def chapters(client: AsyncOpenAI, titles: list[str]) -> list[str]:
    return [await say(client, LARGE, "Write a chapter.", title) for title in titles]


async def grade(client: AsyncOpenAI, answers: list[str]) -> list[bool]:
    grades = []
    for answer in answers:
        first = await say(client, SMALL, "Is it right? Say yes or no.", answer)
        second = await say(client, LARGE, "Is it right? Say yes or no.", answer)
        grades.append(first == second == "yes")
    return grades


async def reply(client: AsyncOpenAI, questions: list[str]) -> list[str]:
    return [await say(client, SMALL, "Reply to a student.", question) for question in questions]


async def preface(client: AsyncOpenAI, titles: list[str]) -> list[str]:
    """Piece by piece, as a reader sees it."""
    return [await say(client, LARGE, "Write a preface.", "\n".join(titles))]
