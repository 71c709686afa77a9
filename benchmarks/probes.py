"""What the probes cost: `open`, an audit event that nobody wants, a callback of a loop; off, installed and idle, on; and all of
them together in a replay.

    python benchmarks/probes.py

Numbers are the best of many rounds in which the sides take turns, in microseconds of processor time. Exits with 1 above
what is allowed.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import openai
import yaml

from pytest_agentperf.model.profile import ClockKind
from pytest_agentperf.record.cassette import use_cassette
from pytest_agentperf.record.probes.probing import probing
from pytest_agentperf.record.recorder import Recorder

ROUNDS = 40
REPLAYS = 60
ALLOWED_MORE = {"open": 1.0, "an event that nobody wants": 0.4, "a callback": 0.5}
"""Microseconds, on against off."""
ALLOWED_RATIO = 1.10
URL = "http://llm.test/v1"


def each(work: Callable[[], object], number: int) -> float:
    start = time.process_time_ns()
    for _ in range(number):
        work()
    return (time.process_time_ns() - start) / number / 1e3


def callbacks(count: int = 2_000) -> float:
    """One turn of a task through the loop."""

    async def turn() -> float:
        start = time.process_time_ns()
        for _ in range(count):
            await asyncio.sleep(0)
        return (time.process_time_ns() - start) / count / 1e3

    return asyncio.run(turn())


def measure(path: Path) -> dict[str, float]:
    def opened() -> None:
        with open(path) as file:
            file.fileno()

    return {
        "open": each(opened, 500),
        "an event that nobody wants": each(lambda: sys.audit("agentperf.benchmark"), 5_000),
        "a callback": callbacks(),
    }


def signals(path: Path) -> dict[str, dict[str, float]]:
    """The best of each side. Off comes first and alone: a hook stays."""
    off = [measure(path) for _ in range(ROUNDS)]
    sides: dict[str, list[dict[str, float]]] = {"off": off, "idle": [], "on": []}
    for _ in range(ROUNDS):
        with Recorder() as recorder, probing(recorder, audits=True):
            sides["on"].append(measure(path))
        sides["idle"].append(measure(path))
    return {side: {name: min(round_[name] for round_ in rounds) for name in off[0]} for side, rounds in sides.items()}


def interaction(at: int) -> dict[str, Any]:
    body = {
        "id": f"chatcmpl-{at}",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 50}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }
    return {
        "request": {"method": "POST", "uri": f"{URL}/chat/completions", "headers": {}, "body": "{}"},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": ["application/json"]},
            "body": {"string": json.dumps(body)},
        },
    }


async def agent(config: Path) -> None:
    """Three turns of an SDK on a loop; settings are read and a trajectory is written for each."""
    async with openai.AsyncOpenAI(base_url=URL, api_key="x", http_client=httpx2.AsyncClient()) as client:
        messages: list[Any] = []
        for turn in range(3):
            settings = json.loads(config.read_text())
            messages.append({"role": "user", "content": f"question {turn}"})
            answer = await client.chat.completions.create(model=settings["model"], messages=messages)
            messages.append(answer.choices[0].message.to_dict())
            config.with_name("trajectory.json").write_text(json.dumps(messages))


def replayed(folder: Path, *, probes: bool) -> float:
    """CPU milliseconds of a replay, opening and closing of the recording and its value included."""
    with use_cassette(str(folder / "tape.yaml"), record_mode="none", vcr_config={"match_on": ["method", "uri"]}):
        gc.collect()
        start = time.process_time_ns()
        with ExitStack() as stack:
            recorder = stack.enter_context(Recorder(clock=ClockKind.INSTANT))
            if probes:
                stack.enter_context(probing(recorder, audits=True))
            asyncio.run(agent(folder / "config.json"))
        seen = recorder.recording()
        took = (time.process_time_ns() - start) / 1e6
    assert len(seen.readings) == 3
    assert bool(seen.signals) == probes
    return took


def replays(folder: Path) -> tuple[float, float]:
    tape = {"interactions": [interaction(at) for at in range(3)], "version": 1}
    (folder / "tape.yaml").write_text(yaml.safe_dump(tape))
    (folder / "config.json").write_text('{"model": "gpt-4o"}')
    times = [[replayed(folder, probes=probes) for probes in (False, True)] for _ in range(REPLAYS)][5:]
    return statistics.median(off for off, _ in times), statistics.median(on / off for off, on in times)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file.txt").write_text("text")
        found = signals(folder / "file.txt")
        took, ratio = replays(folder)
    above = []
    print(f"{'microseconds':28} {'off':>8} {'idle':>8} {'on':>8} {'more':>8} {'allowed':>8}")
    for signal, allowed in ALLOWED_MORE.items():
        off, idle, on = (found[side][signal] for side in ("off", "idle", "on"))
        print(f"{signal:28} {off:8.3f} {idle:8.3f} {on:8.3f} {on - off:8.3f} {allowed:8.3f}")
        above += [signal] if on - off > allowed else []
    print(f"a replay of {took:.2f} ms takes {ratio:.3f} times that with all probes on; allowed {ALLOWED_RATIO}")
    above += ["a replay"] if ratio > ALLOWED_RATIO else []
    if above:
        print("above:", ", ".join(above))
    return bool(above)


if __name__ == "__main__":
    raise SystemExit(main())
