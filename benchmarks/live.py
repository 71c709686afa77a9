"""What watching costs a live stream: its wall time with taps and a recorder, against none.

    python benchmarks/live.py [ROUNDS]

50 chunks, 5 ms apart, from a server in this process. The sides take turns; printed is the ratio of their medians, which
one round of a third of a second, most of it waiting, cannot tell to a per cent. Exits with 1 above the allowed ratio.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import urllib3

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed
from server.provider import Answer, FakeProvider

ALLOWED = 1.01
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def by_httpx2(url: str) -> int:
    with httpx2.Client() as client, client.stream("POST", url, json=ASK) as answer:
        return sum(map(len, answer.iter_bytes()))


def by_httpx2_async(url: str) -> int:
    async def ask() -> int:
        async with httpx2.AsyncClient() as client, client.stream("POST", url, json=ASK) as answer:
            return sum([len(data) async for data in answer.aiter_bytes()])

    return asyncio.run(ask())


def by_aiohttp(url: str) -> int:
    async def ask() -> int:
        async with aiohttp.ClientSession() as session, session.post(url, json=ASK) as answer:
            return sum([len(data) async for data in answer.content.iter_any()])

    return asyncio.run(ask())


def by_urllib3(url: str) -> int:
    with urllib3.PoolManager() as pool:
        return sum(map(len, pool.request("POST", url, json=ASK, preload_content=False).stream()))


def seconds(ask: Callable[[str], int], url: str, *, watched: bool) -> float:
    with ExitStack() as stack:
        if watched:
            stack.enter_context(installed())
            recorder = stack.enter_context(Recorder())
        start = time.perf_counter()
        ask(url)
        took = time.perf_counter() - start
        if watched:
            (reading,) = recorder.recording().readings
            assert reading.call.end_ns is not None
        return took


def main(rounds: int) -> int:
    worst = 0.0
    with FakeProvider(Answer(text="word " * 50, pieces=50, event_gap_ms=5)) as provider:
        url = provider.url + "/v1/chat/completions"
        for ask in (by_httpx2, by_httpx2_async, by_aiohttp, by_urllib3):
            took: dict[bool, list[float]] = {False: [], True: []}
            for number in range(rounds):
                for watched in (True, False) if number % 2 else (False, True):
                    took[watched].append(seconds(ask, url, watched=watched))
            bare, watched_too = (statistics.median(took[watched]) for watched in (False, True))
            worst = max(worst, watched_too / bare)
            print(f"{ask.__name__:16} {bare * 1e3:6.1f} ms bare, {watched_too / bare:.4f} times that watched")
    print(f"allowed: {ALLOWED} times")
    return int(worst > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
