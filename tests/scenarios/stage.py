"""Where scenarios are performed: a model that answers from a script after half a second, and a clock that jumps.

A program has `ANSWERS` (what the model says, in order; or a function from the request to an answer), `EXPECT` (codes of the
findings, each with its cause, `""` where the rule tells none), and `agent()`, plain or async. Where only the conversation
matters it has `talk()` instead, a generator of requests that is sent the answers: it is held by a plain, by an async agent,
and in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from types import ModuleType
from typing import Any

import anthropic
import httpx2
import openai

from pytest_agentperf.clock.bubble import bubble, install
from pytest_agentperf.model.profile import ClockKind, Profile, Thresholds
from pytest_agentperf.pipeline import profile
from pytest_agentperf.profiler import Profiler
from pytest_agentperf.record.probes.probing import probing
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed
from pytest_agentperf.record.tools.sources import watching
from server.answer import Answer
from server.routes import FORMATS

for part in ("openai.resources.responses", "openai.resources.chat", "anthropic.resources.messages"):
    import_module(part)  # the SDKs do it late, which is no program's doing
LLM_S = 0.5
_HIGH = {"llm_ms": 10_000, "tool_ms": 10_000, "calls": 50}
"""So that slowness itself is no finding where it is not asked about."""
BY_ITSELF = sys.version_info >= (3, 12)
"""Whether functions of raw loops are seen without a mark."""


class World:
    """What a program gets from outside."""

    def __init__(self, script: list[Answer] | Callable[[dict[str, Any]], Answer], recorder: Recorder) -> None:
        self._script = script if callable(script) else deque(script)
        self._recorder = recorder
        self._clients: list[httpx2.Client] = []
        self._serial = 0

    def tool(self, function: Any) -> Any:
        """Nothing where functions are seen by themselves, else `profiler.tool`."""
        return function if BY_ITSELF else Profiler(self._recorder).tool(function.__name__)(function)

    def openai(self, **options: Any) -> Any:
        return openai.OpenAI(
            base_url="https://api.openai.com/v1", api_key="fake", http_client=self._client(), **options
        )

    def async_openai(self, **options: Any) -> Any:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer_async))
        return openai.AsyncOpenAI(base_url="https://api.openai.com/v1", api_key="fake", http_client=client, **options)

    def anthropic(self, **options: Any) -> Any:
        return anthropic.Anthropic(
            base_url="https://api.anthropic.com", api_key="fake", http_client=self._client(), **options
        )

    def async_anthropic(self, **options: Any) -> Any:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer_async))
        return anthropic.AsyncAnthropic(
            base_url="https://api.anthropic.com", api_key="fake", http_client=client, **options
        )

    def timer(self, name: str) -> Any:
        return Profiler(self._recorder).timer(name)

    def hold(self, talk: Callable[[], Any], kind: str, options: dict[str, Any]) -> None:
        """A conversation by a plain agent, an async one, or one in a thread."""
        if kind == "async":
            asyncio.run(self._hold_async(talk(), options))
        elif kind == "thread":
            thread = threading.Thread(target=self._hold, args=(talk(), options))
            thread.start()
            thread.join()
        else:
            self._hold(talk(), options)

    def _hold(self, talk: Any, options: dict[str, Any]) -> None:
        with self.openai(**options) as client, contextlib.suppress(StopIteration):
            request = next(talk)
            while True:
                answer = client.chat.completions.create(**{"model": "gpt-4o", **request})
                request = talk.send(list(answer) if request.get("stream") else answer.choices[0].message.to_dict())

    async def _hold_async(self, talk: Any, options: dict[str, Any]) -> None:
        async with self.async_openai(**options) as client:
            request = next(talk)
            while request:
                answer = await client.chat.completions.create(**{"model": "gpt-4o", **request})
                told = [part async for part in answer] if request.get("stream") else answer.choices[0].message.to_dict()
                try:
                    request = talk.send(told)
                except StopIteration:
                    break

    def _client(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        answer, body, wire = self._next(request)
        time.sleep(LLM_S + answer.first_byte_after_ms / 1000)
        if answer.status == 200 and body.get("stream"):
            return httpx2.Response(200, headers=_STREAM, content=self._events(wire.events(answer, body, self._serial)))
        return self._whole(answer, body, wire)

    async def _answer_async(self, request: httpx2.Request) -> httpx2.Response:
        answer, body, wire = self._next(request)
        await asyncio.sleep(LLM_S + answer.first_byte_after_ms / 1000)
        if answer.status == 200 and body.get("stream"):
            events = wire.events(answer, body, self._serial)
            return httpx2.Response(200, headers=_STREAM, content=self._events_async(events))
        return self._whole(answer, body, wire)

    def _next(self, request: httpx2.Request) -> tuple[Answer, dict[str, Any], Any]:
        body = json.loads(request.content)
        self._serial += 1
        answer = self._script(body) if callable(self._script) else self._script.popleft()
        return answer, body, FORMATS[request.url.path]

    def _whole(self, answer: Answer, body: dict[str, Any], wire: Any) -> httpx2.Response:
        if answer.status != 200:
            return httpx2.Response(
                answer.status, json=wire.error(answer.status, self._serial), headers=dict(answer.headers)
            )
        return httpx2.Response(200, json=wire.whole(answer, body, self._serial))

    def _events(self, events: list[bytes]) -> Iterator[bytes]:
        for event in events:
            time.sleep(0.01)
            yield event

    async def _events_async(self, events: list[bytes]) -> Any:
        for event in events:
            await asyncio.sleep(0.01)
            yield event


_STREAM = {"content-type": "text/event-stream; charset=utf-8"}


def perform(source: str, name: str, kind: str = "") -> Profile:
    """Run a program and see what it did; `kind`: who holds its conversation, see `World.hold`."""
    install()  # before its imports, so that it cannot keep hold of an unpatched clock
    program = ModuleType(f"scenario_{name}")
    program.__file__ = f"/scenarios/{name}.py"
    recorder = Recorder(clock=ClockKind.VIRTUAL, sees_tools=True)
    with ExitStack() as stack:
        stack.enter_context(installed())
        stack.enter_context(bubble())
        program.__dict__["world"] = world = World([], recorder)
        exec(compile(source, program.__file__, "exec"), program.__dict__)
        answers = program.__dict__["ANSWERS"]
        world._script = answers if callable(answers) else deque(answers)
        stack.enter_context(recorder)
        stack.enter_context(watching(recorder))
        stack.enter_context(probing(recorder, audits=True))
        if kind:
            world.hold(program.__dict__["talk"], kind, program.__dict__.get("OPTIONS", {}))
        elif inspect.iscoroutinefunction(program.__dict__["agent"]):
            asyncio.run(program.__dict__["agent"]())
        else:
            program.__dict__["agent"]()
    return profile(
        recorder.recording(),
        nodeid=name,
        priced=True,
        thresholds=Thresholds(**program.__dict__.get("THRESHOLDS", _HIGH)),
    )
