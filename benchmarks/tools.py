"""What it costs to see an agent's tools run: replays whose tools take no time, with and without the sources of spans.

    python benchmarks/tools.py [ROUNDS]

One run is two LLM calls and three tool calls between them, by a loop of our own and by each framework that is installed.
Prints CPU milliseconds and ratios of one process; then tools that do nothing but compute. Each round runs without, with,
with and without, so that what drifts meanwhile is in both sides, and compares these four; of the rounds the median counts.
Exits with 1 above what is allowed.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml

from pytest_agentperf.model.profile import ClockKind
from pytest_agentperf.record.cassette import use_cassette
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools.sources import stop_watching, watching

URL = "http://llm.test/v1"
ALLOWED_MS = {"raw loop": 2.0, "langchain": 4.35, "openai-agents": 2.0, "agno": 1.45}
"""Half of what the first experiment took (its three frameworks)."""
ALLOWED_CPU = 1.05
CITIES = ("Paris", "Rome", "Oslo")
os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
os.environ["AGNO_TELEMETRY"] = "false"


def answers() -> list[dict[str, Any]]:
    calls = [
        {
            "id": f"call_{at}",
            "type": "function",
            "function": {"name": "look_up", "arguments": json.dumps({"city": city})},
        }
        for at, city in enumerate(CITIES)
    ]
    asks = {"role": "assistant", "content": None, "tool_calls": calls}
    return [
        {
            "id": f"chatcmpl-{at}",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }
        for at, (message, reason) in enumerate(
            ((asks, "tool_calls"), ({"role": "assistant", "content": "done"}, "stop"))
        )
    ]


def write(path: Path) -> None:
    interactions = [
        {
            "request": {"method": "POST", "uri": f"{URL}/chat/completions", "headers": {}, "body": "{}"},
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"content-type": ["application/json"]},
                "body": {"string": json.dumps(answer)},
            },
        }
        for answer in answers()
    ]
    path.write_text(yaml.dump({"interactions": interactions, "version": 1}, Dumper=yaml.CSafeDumper), "utf-8")


def look_up(city: str) -> str:
    """Look it up."""
    return f"{city}: sunny"


def raw_loop() -> Callable[[], object]:
    client = httpx2.Client()

    def run() -> object:
        messages: list[Any] = [{"role": "user", "content": "go"}]
        while True:
            asked = {"model": "gpt-4o", "messages": messages}
            message = client.post(f"{URL}/chat/completions", json=asked).json()["choices"][0]["message"]
            if not message.get("tool_calls"):
                return message["content"]
            messages.append(message)
            for call in message["tool_calls"]:
                result = look_up(**json.loads(call["function"]["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})

    return run


def langchain() -> Callable[[], object]:
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    agent = create_agent(ChatOpenAI(model="gpt-4o", base_url=URL, api_key="x", max_retries=0), [look_up])
    return lambda: agent.invoke({"messages": [{"role": "user", "content": "go"}]})


def openai_agents() -> Callable[[], object]:
    import agents
    from openai import AsyncOpenAI

    model = agents.OpenAIChatCompletionsModel("gpt-4o", AsyncOpenAI(base_url=URL, api_key="x", max_retries=0))
    agent = agents.Agent(name="a", model=model, tools=[agents.function_tool(look_up)])
    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(agents.Runner.run(agent, "go"))


def agno() -> Callable[[], object]:
    from agno.agent import Agent
    from agno.models.openai import OpenAIChat

    agent = Agent(model=OpenAIChat(id="gpt-4o", base_url=URL, api_key="x", max_retries=0), tools=[look_up])
    return lambda: agent.run("go")


AGENTS: dict[str, tuple[str, Callable[[], Callable[[], object]]]] = {
    "raw loop": ("httpx2", raw_loop),
    "langchain": ("langchain_openai", langchain),
    "openai-agents": ("agents.run_internal", openai_agents),
    "agno": ("agno", agno),
}


@contextmanager
def recording(*, sees_tools: bool) -> Iterator[Recorder]:
    with Recorder(clock=ClockKind.INSTANT, sees_tools=sees_tools) as recorder:
        if sees_tools:
            with watching(recorder):
                yield recorder
        else:
            yield recorder


def one_run(run: Callable[[], object], path: Path, *, sees_tools: bool) -> float:
    """CPU milliseconds of the run, of opening and closing its recording and of reading that: who sees tools decodes sooner."""
    config = {"match_on": ["method", "uri"]}
    with use_cassette(str(path), record_mode="none", vcr_config=config):
        gc.collect()
        begin = time.process_time()
        with recording(sees_tools=sees_tools) as recorder:
            run()
        seen = recorder.recording()
        took = (time.process_time() - begin) * 1000
    assert len(seen.readings) == 2, seen
    assert not recorder.bugs, recorder.bugs
    if sees_tools and sys.version_info >= (3, 12):
        assert [span.source in ("seam", "detector") for span in seen.spans] == [True] * 3, seen.spans
    return took


def compare(run: Callable[[], object], path: Path, rounds: int) -> tuple[float, float]:
    """Milliseconds without, and how many more with."""
    for sees_tools in (False, True) * 3:
        one_run(run, path, sees_tools=sees_tools)
    times = measured(lambda sees_tools: one_run(run, path, sees_tools=sees_tools), rounds)
    return statistics.median(off for off, _ in times), statistics.median(on - off for off, on in times)


def measured(run: Callable[[bool], float], rounds: int) -> list[tuple[float, float]]:
    """What `run(sees_tools)` says without and with, a mean of two each, for each round.

    Each is measured right after one of its kind: no session switches to and fro.
    """
    times = []
    for _ in range(rounds):
        _, before, _, one, other, _, after = map(run, (False, False, True, True, True, False, False))
        times.append(((before + after) / 2, (one + other) / 2))
    return times


# -- tools that compute ------------------------------------------------------------------------------------------------


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def fibonacci(n: int) -> int:
    return fib(n)


def loop(n: int) -> int:
    total = 0
    for i in range(n * 20_000):
        total += i & 3
    return total


def dumps(n: int) -> int:
    return len(json.dumps(list(range(n * 4000)), indent=1))


N = 25
COMPUTING = {function.__name__: function for function in (fib, fibonacci, loop, dumps)}


def computing(function: Callable[[int], int], rounds: int) -> float:
    """How much longer it takes where it is watched."""
    from pytest_agentperf.model.call import ModelCall, ToolCall

    asks = ToolCall(id="c", name=function.__name__, arguments=f'{{"n": {N}}}')
    call = ModelCall(index=0, provider="p", api="a", model="m", tool_calls=(asks,))

    def timed(sees_tools: bool) -> float:
        with recording(sees_tools=sees_tools) as recorder:
            if recorder.open_calls:
                recorder.open_calls.answered(call)
            begin = time.process_time()
            function(N)
            return time.process_time() - begin

    return statistics.median(on / off for off, on in measured(timed, rounds + 1)[1:])


def agent(name: str, rounds: int) -> bool:
    """Whether it stays within what is allowed."""
    module, make = AGENTS[name]
    try:
        there = importlib.util.find_spec(module) is not None
    except ImportError:
        there = False
    if not there:
        print(f"{name:14} not installed")
        return True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tape.yaml")
        write(path)
        off, more = compare(make(), path, rounds)
    print(f"{name:14} {off:6.2f} + {more:5.2f} ms, {1 + more / off:.2f} times; allowed {ALLOWED_MS[name]} ms more")
    return more <= ALLOWED_MS[name]


def tool(name: str, rounds: int) -> bool:
    ratio = computing(COMPUTING[name], rounds)
    print(f"{name:14} {ratio:.3f} times; allowed {ALLOWED_CPU}")
    return ratio <= ALLOWED_CPU


def main(rounds: int) -> int:
    """Each in a process of its own, as an agent has one framework and not all of them."""
    above = [
        name
        for name in (*AGENTS, *COMPUTING)
        if subprocess.run([sys.executable, __file__, str(rounds), name], check=False).returncode
    ]
    if above:
        print("above:", ", ".join(above))
    return bool(above)


def one(name: str, rounds: int) -> int:
    within = agent(name, rounds) if name in AGENTS else tool(name, rounds)
    stop_watching()
    return not within


if __name__ == "__main__":
    count, *names = sys.argv[1:] or ["25"]
    raise SystemExit(one(names[0], int(count)) if names else main(int(count)))
