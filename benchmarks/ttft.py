"""When a client sees the first piece of a streamed answer while it is recorded, against the same client without a recorder.

    python benchmarks/ttft.py [SDK...]

For each SDK that is installed (names as in `tests/matrix/sdks`), in each way to stream. The provider on loopback takes
300 ms to its first byte and 100 ms from each chunk to the next. The two sides take turns; the best round of each counts, for
what a loaded machine adds is neither's. Prints ratios of one run and exits with 1 above the allowed one.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from pytest_agentperf.record.cassette import use_cassette  # noqa: E402
from pytest_agentperf.record.recorder import Recorder  # noqa: E402
from pytest_agentperf.record.taps.live import installed  # noqa: E402
from server.provider import Answer, FakeProvider  # noqa: E402

ALLOWED = 1.05
ROUNDS = 5
ANSWER = Answer(text="one two three four five six", pieces=6, first_byte_after_ms=300, event_gap_ms=100)


def agents(name: str) -> Any:
    """The module of an SDK's agents; None where the SDK is not installed."""
    spec = importlib.util.spec_from_file_location(name, TESTS / "matrix" / "sdks" / f"{name}_agents.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return module


def recording(folder: str) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(installed())
    stack.enter_context(Recorder())
    stack.enter_context(use_cassette(str(Path(folder, "tape")), record_mode="all", vcr_config={}))
    return stack


def first(pieces: Iterator[object]) -> float:
    """Seconds until the first piece; the rest is read."""
    start = time.perf_counter()
    next(pieces)
    seconds = time.perf_counter() - start
    for _ in pieces:
        pass
    return seconds


async def first_async(pieces: AsyncIterator[object]) -> float:
    start = time.perf_counter()
    await anext(pieces)
    seconds = time.perf_counter() - start
    async for _ in pieces:
        pass
    return seconds


def measure(make: Callable[[str], Any], url: str, folder: str) -> list[tuple[float, float]]:
    """Without a recorder and with one, in each round."""
    agent, rounds = make(url), []
    first(agent.stream("connect, and load what is loaded late"))
    for _ in range(ROUNDS):
        bare = first(agent.stream("hi"))
        with recording(folder):
            rounds.append((bare, first(agent.stream("hi"))))
    agent.close()
    return rounds


async def measure_async(make: Callable[[str], Any], url: str, folder: str) -> list[tuple[float, float]]:
    agent, rounds = make(url), []
    await first_async(agent.stream("connect, and load what is loaded late"))
    for _ in range(ROUNDS):
        bare = await first_async(agent.stream("hi"))
        with recording(folder):
            rounds.append((bare, await first_async(agent.stream("hi"))))
    await agent.close()
    return rounds


def main(names: list[str]) -> int:
    known = sorted(path.stem.removesuffix("_agents") for path in (TESTS / "matrix" / "sdks").glob("*_agents.py"))
    worst = 0.0
    with FakeProvider(ANSWER) as provider, tempfile.TemporaryDirectory() as folder:
        for name in names or known:
            module = agents(name)
            if module is None:
                print(f"{name:14} is not installed")
                continue
            measured = {f"{way}, sync": measure(make, provider.url, folder) for way, make in module.AGENTS.items()}
            for way, make in module.ASYNC_AGENTS.items():
                measured[f"{way}, async"] = asyncio.run(measure_async(make, provider.url, folder))
            for way, rounds in measured.items():
                bare, recorded = (min(times) * 1000 for times in zip(*rounds, strict=True))
                worst = max(worst, recorded / bare)
                print(f"{name:14} {way:28} {bare:6.1f} ms, recorded {recorded:6.1f} ms: {recorded / bare:.3f} times")
    print(f"allowed: {ALLOWED} times; worst: {worst:.3f}")
    return int(worst > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
