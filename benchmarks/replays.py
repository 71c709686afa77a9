"""A suite of real replays: the agents that `tests/generated.py` plans, over HTTP, with their cassettes.

They are asyncio programs: turns follow one another, the tools that one asks for run at once, and an answer that asks for none is
streamed. Six changes can be put in, as a commit would: `generated.inject`. What changes a prompt needs cassettes of its own.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import httpx2
import yaml

from generated import PRICES, SPEED, Run, Turn, digest, inject, plan
from pytest_agentperf.profiler import Profiler

URL = "http://127.0.0.1:9/v1/chat/completions"
MODULES = 40
TURNS = (2, 4)
MODULE = """
import pytest
from benchmarks.replays import run, turns

@pytest.mark.vcr
@pytest.mark.parametrize("number", range({first}, {tests}, {modules}))
def test_agent(profiler, number):
    run(profiler, turns(number, changed={changed})[0])
"""

Json = dict[str, Any]


def turns(number: int, *, changed: bool) -> tuple[list[Turn], set[str]]:
    """What the agent of a test does, and the kinds of the changes that were put in."""
    planned = [replace(turn, take=f"{number}-{at}") for at, turn in enumerate(plan(number, TURNS))]
    return inject(number, planned) if changed else (planned, set())


def node_id(number: int) -> str:
    return f"test_m{number % MODULES:02}.py::test_agent[{number}]"


class World(Protocol):
    async def ask(self, turn: Turn, body: Json) -> Json:
        """The message that a model answers."""

    async def execute(self, tool: Run, call_id: str) -> str:
        """What a tool returns."""


async def agent(planned: list[Turn], world: World) -> None:
    talks: dict[str, list[Json]] = {}
    for turn in planned:
        system = {"role": "system", "content": text(turn.system, turn.agent)}
        talk = talks.setdefault(turn.agent, [system])
        if turn.said:
            talk.append({"role": "user", "content": text(turn.said, "question")})
        body: Json = {"model": turn.model, "messages": list(talk), "tools": schemas(turn.tools)}
        if not turn.runs:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        answer = await world.ask(turn, body)
        asked = [call["id"] for call in answer.get("tool_calls", ())]
        work = [world.execute(tool, call_id) for tool, call_id in zip(turn.runs, asked, strict=True)]
        results = [await one for one in work] if turn.serial else await asyncio.gather(*work)
        talk.append(answer)
        talk += [
            {"role": "tool", "tool_call_id": call_id, "content": result}
            for call_id, result in zip(asked, results, strict=True)
        ]


def text(size: int, word: str) -> str:
    return (f"{word} " * (size // len(word) + 1))[:size]


def schemas(size: int) -> list[Json]:
    function = {"name": "search", "description": text(size, "schema"), "parameters": {"type": "object"}}
    return [{"type": "function", "function": function}] if size else []


class Replay:
    """The world of a test."""

    def __init__(self, client: httpx2.AsyncClient, profiler: Profiler) -> None:
        self.client, self.profiler = client, profiler

    async def ask(self, turn: Turn, body: Json) -> Json:
        with self.profiler.timer(turn.agent):
            if "stream" not in body:
                answer: Json = (await self.client.post(URL, json=body)).json()["choices"][0]["message"]
                return answer
            said = []
            async with self.client.stream("POST", URL, json=body) as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        said += [choice["delta"]["content"] for choice in json.loads(line[6:])["choices"]]
            return {"role": "assistant", "content": "".join(said)}

    async def execute(self, tool: Run, call_id: str) -> str:
        async with self.profiler.tool(tool.name, call_id=call_id):
            await asyncio.sleep(tool.ms / 1000)
        return text(tool.size, tool.name)


def run(profiler: Profiler, planned: list[Turn]) -> None:
    async def over_http() -> None:
        transport = httpx2.AsyncHTTPTransport(verify=False)  # certificates take longest to load
        async with httpx2.AsyncClient(transport=transport, timeout=60) as client:
            await agent(planned, Replay(client, profiler))

    asyncio.run(over_http())


# -- what is recorded --------------------------------------------------------------------------------------------------


def write_suite(folder: Path, tests: int, *, changed: bool) -> None:
    """Modules, cassettes and prices."""
    prices = {
        model: {name: float(getattr(own, name)) for name in ("input", "output", "cache_read")}
        for model, own in PRICES.items()
    }
    (folder / "agentperf.yaml").write_text(yaml.safe_dump({"prices": prices}))
    for first in range(min(MODULES, tests)):
        module = MODULE.format(first=first, tests=tests, modules=MODULES, changed=changed)
        (folder / f"test_m{first:02}.py").write_text(module)
    for number in range(tests):
        module, test = node_id(number).split(".py::")
        path = folder / "cassettes" / module / f"{test}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        provider = Provider()
        asyncio.run(agent(turns(number, changed=changed)[0], provider))
        path.write_text(yaml.dump({"version": 1, "interactions": provider.recorded}, Dumper=yaml.CSafeDumper), "utf-8")


class Provider:
    """The world in which a cassette is recorded; it takes no time."""

    def __init__(self) -> None:
        self.recorded: list[Json] = []

    async def ask(self, turn: Turn, body: Json) -> Json:
        asked = json.dumps(body)
        answer: Json = {"role": "assistant", "content": text(4 * turn.output, f"answer {turn.take}")}
        if turn.runs:
            answer["tool_calls"] = [
                {"id": f"call-{turn.take}-{at}", "type": "function", "function": {"name": tool.name, "arguments": "{}"}}
                for at, tool in enumerate(turn.runs)
            ]
        usage = {
            "prompt_tokens": len(asked) // 4,
            "completion_tokens": turn.output,
            "total_tokens": len(asked) // 4 + turn.output,
            "prompt_tokens_details": {"cached_tokens": (len(asked) - turn.said) // 4 if turn.cached else 0},
        }
        whole = {"id": digest(turn.take, turn.output, len(turn.runs)), "model": turn.model, "usage": usage}
        pieces = streamed(whole, answer["content"]) if "stream" in body else [plain(whole, answer)]
        self.recorded.append(interaction(asked, pieces, *SPEED[turn.model], turn.output))
        return answer

    async def execute(self, tool: Run, call_id: str) -> str:
        return text(tool.size, tool.name)


def plain(whole: Json, answer: Json) -> str:
    ending = "tool_calls" if "tool_calls" in answer else "stop"
    choices = [{"index": 0, "finish_reason": ending, "message": answer}]
    return json.dumps({**whole, "object": "chat.completion", "choices": choices})


def streamed(whole: Json, content: str) -> list[str]:
    """Halves of the answer, then its usage."""
    half = len(content) // 2
    parts: list[list[Json]] = [
        [{"index": 0, "delta": {"content": said}, "finish_reason": None}] for said in (content[:half], content[half:])
    ]
    events = [{**whole, "usage": None, "object": "chat.completion.chunk", "choices": choices} for choices in parts]
    events.append({**whole, "object": "chat.completion.chunk", "choices": []})
    return [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]


def interaction(asked: str, pieces: list[str], first_ms: int, each_ms: int, tokens: int) -> Json:
    rest = each_ms * tokens
    pauses = [first_ms + rest] if len(pieces) == 1 else [first_ms, rest, *[0] * (len(pieces) - 2)]
    chunks = " ".join(f"{float(pause)}+{len(piece)}" for pause, piece in zip(pauses, pieces, strict=True))
    kind = "application/json" if len(pieces) == 1 else "text/event-stream"
    return {
        "request": {"method": "POST", "uri": URL, "headers": {"content-type": ["application/json"]}, "body": asked},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": [kind]},
            "body": {"string": "".join(pieces)},
            "agentperf": {
                "version": 1,
                "headers": float(pauses[0]),
                "chunks": chunks,
                "end": float(first_ms + rest),
                "ending": "complete",
            },
        },
    }
