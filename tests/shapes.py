"""Small agents of many shapes, and what each takes: for the suite in virtual time, for `benchmarks/shapes.py` in both.

A prompt says how it is to be answered, so that a server, and a player that keeps the same times to the nanosecond, agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from typing import Any, Self

import httpx2

from pytest_agentperf.model.exchange import Request, Response, Timing
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.replay import Answer as Replayed
from server import openai_chat
from server.answer import Answer, Json
from server.provider import Hit

MS = 1_000_000
EVENTS = 7
"""Of a streamed answer."""


def body(
    after: int = 0, *, gap: int = 0, fail: tuple[int, ...] = (), retry_after_ms: int = 0, stream: bool = False
) -> Json:
    """A question whose answer begins `after` ms and, streamed, has an event each `gap` ms; before it come these statuses."""
    spec = {"after": after, "gap": gap, "fail": fail, "retry_after_ms": retry_after_ms}
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": json.dumps(spec)}], "stream": stream}


class Script:
    """What is answered, from the prompts alone. One for each run: it counts who asks again."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reply(self, hit: Hit) -> Answer:
        return self.answer(openai_chat.prompt(hit.json))

    def answer(self, prompt: str) -> Answer:
        with self._lock:
            attempt = self._asked[prompt]
            self._asked[prompt] += 1
        spec = json.loads(prompt)
        failed = attempt < len(spec["fail"])
        retry = (("retry-after-ms", str(spec["retry_after_ms"])),) if failed and spec["retry_after_ms"] else ()
        return Answer(
            text="one two three four ",
            pieces=EVENTS - 3,
            headers_after_ms=spec["after"],
            event_gap_ms=spec["gap"],
            status=spec["fail"][attempt] if failed else 200,
            headers=retry,
        )


class Nominal:
    """Plays what a server with that script would answer, without its noise (`seam.Player`)."""

    door = None

    def __init__(self) -> None:
        self._script = Script()

    def peek(self, request: Request) -> Response | None:
        return None

    def bookmark(self) -> Callable[[], None]:
        return lambda: None

    def recorded_at(self) -> float | None:
        return None

    def answer(self, pending: Pending) -> Replayed:
        asked = json.loads(pending.request.body)
        answer = self._script.answer(openai_chat.prompt(asked))
        if answer.status != 200:
            chunks = [json.dumps(openai_chat.error(answer.status, 1)).encode()]
        elif asked["stream"]:
            chunks = openai_chat.events(answer, asked, 1)
        else:
            chunks = [json.dumps(openai_chat.whole(answer, asked, 1)).encode()]
        start = answer.headers_after_ms * MS
        pieces = tuple((start + n * answer.event_gap_ms * MS, chunk) for n, chunk in enumerate(chunks))
        kind = openai_chat.STREAM_TYPE if asked["stream"] and answer.status == 200 else "application/json"
        return Replayed(
            status=answer.status,
            reason="",
            headers=(("content-type", kind), *answer.headers),
            body=b"".join(chunks),
            headers_ns=start,
            pieces=pieces,
            end_ns=pieces[-1][0],
            timing=Timing.RECORDED,
        )


@dataclass(frozen=True)
class Shape:
    name: str
    ms: float
    """What it takes."""
    run: Callable[[str], object]
    """With the address of the provider."""
    real: bool = False
    """Part of it is real: in virtual time it takes at least `ms`."""
    long: bool = False
    """For virtual time only."""


SHAPES: dict[str, Shape] = {}


def shape(
    ms: float, *, real: bool = False, long: bool = False
) -> Callable[[Callable[[Agent], Any]], Callable[[Agent], Any]]:
    """A function of an `Agent` that takes so long; a coroutine function runs in a loop of its own."""

    def add(function: Callable[[Agent], Any]) -> Callable[[Agent], Any]:
        def run(url: str) -> object:
            with Agent(url) as agent:
                return asyncio.run(agent.main(function)) if asyncio.iscoroutinefunction(function) else function(agent)

        name = function.__name__.replace("_", " ")
        SHAPES[name] = Shape(name=name, ms=ms, run=run, real=real, long=long)
        return function

    return add


class Agent:
    """Its ways to the model."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.endpoint = f"{url}/v1/chat/completions"
        self._client = httpx2.Client(verify=False, timeout=30)
        self._async_client: httpx2.AsyncClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    async def main(self, function: Callable[[Agent], Coroutine[Any, Any, object]]) -> object:
        async with httpx2.AsyncClient(verify=False, timeout=30) as self._async_client:
            return await function(self)

    def sdk(self) -> Any:
        import openai

        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="fake", http_client=httpx2.Client(verify=False))

    def async_sdk(self) -> Any:
        import openai

        return openai.AsyncOpenAI(
            base_url=f"{self.url}/v1", api_key="fake", http_client=httpx2.AsyncClient(verify=False)
        )

    def call(self, after: int, *, timeout: float = 30, **spec: Any) -> None:
        self._client.post(self.endpoint, json=body(after, **spec), timeout=timeout).raise_for_status()

    async def acall(self, after: int, *, timeout: float = 30, **spec: Any) -> int:
        assert self._async_client is not None
        answer = await self._async_client.post(self.endpoint, json=body(after, **spec), timeout=timeout)
        answer.raise_for_status()
        return after

    def stream(self, after: int, gap: int) -> Iterator[bytes]:
        with self._client.stream("POST", self.endpoint, json=body(after, gap=gap, stream=True)) as answer:
            yield from answer.iter_raw()

    async def astream(self, after: int, gap: int) -> AsyncIterator[bytes]:
        assert self._async_client is not None
        asked = body(after, gap=gap, stream=True)
        async with self._async_client.stream("POST", self.endpoint, json=asked) as answer:
            async for chunk in answer.aiter_raw():
                yield chunk


# ---- plain and streamed, sync


@shape(300)
def one_call(agent: Agent) -> None:
    agent.call(300)


@shape(450)
def turns(agent: Agent) -> None:
    for ms in (100, 200, 150):
        agent.call(ms)


@shape(100 + 6 * 40)
def stream(agent: Agent) -> None:
    assert len(list(agent.stream(100, 40))) == EVENTS


@shape(100 + 2 * 40 + 150)
def stream_left_early(agent: Agent) -> None:
    for n, _ in enumerate(agent.stream(100, 40)):
        if n == 2:
            break
    agent.call(150)


@shape(100 + 6 * 40)
def stream_with_work_between_chunks(agent: Agent) -> None:
    """The provider goes on generating meanwhile."""
    for n, _ in enumerate(agent.stream(100, 40)):
        if n < EVENTS - 1:
            time.sleep(0.03)


@shape(100 + 120 + 50)
def retry_with_back_off(agent: Agent) -> None:
    for attempt in range(3):
        try:
            return agent.call(50, fail=(500,))
        except httpx2.HTTPStatusError:
            time.sleep(0.17 * (attempt + 1))
    raise AssertionError


@shape(200 + 100)
def client_time_out_and_fallback(agent: Agent) -> None:
    with contextlib.suppress(httpx2.ReadTimeout):
        agent.call(900, timeout=0.2)
    agent.call(100)


@shape(50 + 250 + 50)
def sdk_retries_after_what_the_provider_says(agent: Agent) -> None:
    with agent.sdk() as client:
        asked = body(50, fail=(429,), retry_after_ms=250)
        client.chat.completions.create(model=asked["model"], messages=asked["messages"], extra_body={"stream": False})


@shape(100 + 6 * 30 + 100)
def sdk_streams(agent: Agent) -> None:
    with agent.sdk() as client:
        asked = body(100, gap=30, stream=True)
        for _ in client.chat.completions.create(model=asked["model"], messages=asked["messages"], stream=True):
            pass
    time.sleep(0.1)


@shape(150 + 200)
def over_requests(agent: Agent) -> None:
    import requests

    with requests.Session() as session:
        for ms in (150, 200):
            session.post(agent.endpoint, json=body(ms), timeout=30).raise_for_status()


# ---- threads


@shape(300)
def pool_with_room(agent: Agent) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(agent.call, (100, 300, 200)))


@shape(600)
def pool_of_one(agent: Agent) -> None:
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(agent.call, (100, 300, 200)))


@shape(100 + 300)
def pool_of_two_results_as_they_come(agent: Agent) -> None:
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(agent.call, ms) for ms in (100, 250, 300)]
        assert [futures.index(future) for future in as_completed(futures)] == [0, 1, 2]


@shape(300)
def race_of_threads(agent: Agent) -> None:
    with ThreadPoolExecutor(2) as pool:
        done, _ = wait([pool.submit(agent.call, ms) for ms in (300, 120)], return_when=FIRST_COMPLETED)
        assert len(done) == 1


@shape(100 + 3 * 150)
def producer_and_consumer(agent: Agent) -> None:
    tasks: queue.Queue[int | None] = queue.Queue(1)

    def produce() -> None:
        for _ in range(3):
            agent.call(100)
            tasks.put(150)
        tasks.put(None)

    producer = threading.Thread(target=produce)
    producer.start()
    while (ms := tasks.get()) is not None:
        agent.call(ms)
    producer.join()


@shape(3 * 150)
def rate_limiter(agent: Agent) -> None:
    lock, last = threading.Lock(), [-1e9]

    def limited(ms: int) -> None:
        with lock:
            time.sleep(max(0, last[0] + 0.15 - time.monotonic()))
            last[0] = time.monotonic()
        agent.call(ms)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(limited, (50, 50, 50, 0)))


@shape(200 + 100)
def event_hands_over(agent: Agent) -> None:
    ready, done = threading.Event(), threading.Event()

    def other() -> None:
        ready.wait()
        agent.call(100)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    agent.call(200)
    ready.set()
    assert done.wait(5)
    thread.join()


@shape(250 + 100)
def watchdog_timer(agent: Agent) -> None:
    gone = threading.Event()
    timer = threading.Timer(0.25, gone.set)
    timer.start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(agent.call, 100)
        gone.wait()
        answer.result()
    agent.call(100)


@shape(300)
def polling(agent: Agent) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(agent.call, 290)
        while not answer.done():
            time.sleep(0.1)


# ---- asyncio


@shape(300)
async def gather(agent: Agent) -> None:
    await asyncio.gather(agent.acall(100), agent.acall(300), agent.acall(200))


@shape(600)
async def one_after_the_other(agent: Agent) -> None:
    for ms in (100, 300, 200):
        await agent.acall(ms)


@shape(200 + 250 + 150)
async def tool_loop(agent: Agent) -> None:
    await agent.acall(200)
    await asyncio.gather(asyncio.sleep(0.1), asyncio.to_thread(time.sleep, 0.25), agent.acall(50))
    await agent.acall(150)


@shape(100 + 6 * 40)
async def streams_side_by_side(agent: Agent) -> None:
    async def read(after: int, gap: int) -> None:
        assert len([chunk async for chunk in agent.astream(after, gap)]) == EVENTS

    await asyncio.gather(read(100, 40), read(150, 20))


@shape(400)
async def semaphore(agent: Agent) -> None:
    slots = asyncio.Semaphore(2)

    async def limited(ms: int) -> None:
        async with slots:
            await agent.acall(ms)

    await asyncio.gather(*map(limited, (300, 100, 200, 100)))


@shape(400)
async def queue_with_workers(agent: Agent) -> None:
    tasks: asyncio.Queue[int] = asyncio.Queue()
    for ms in (100, 250, 300, 100):
        tasks.put_nowait(ms)

    async def work() -> None:
        while not tasks.empty():
            await agent.acall(tasks.get_nowait())

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        group.create_task(work())


@shape(200 + 100)
async def wait_for_and_fallback(agent: Agent) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(agent.acall(900), 0.2)
    await agent.acall(100)


@shape(250)
async def deadline_over_several(agent: Agent) -> None:
    done = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.25):
            for _ in range(5):
                done.append(await agent.acall(100))
    assert len(done) == 2


@shape(100 + 150)
async def hedging(agent: Agent) -> None:
    first = asyncio.create_task(agent.acall(800))
    await asyncio.wait([first], timeout=0.1)
    second = asyncio.create_task(agent.acall(150))
    done, pending = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    assert done == {second}
    for task in pending:
        task.cancel()


@shape(120 + 200)
async def race(agent: Agent) -> None:
    tasks = [asyncio.create_task(agent.acall(ms)) for ms in (500, 120, 800)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == [120]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await agent.acall(200)


@shape(150 + 100)
async def cancellation(agent: Agent) -> None:
    task = asyncio.create_task(agent.acall(600))
    await asyncio.sleep(0.15)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await agent.acall(100)


@shape(400)
async def heartbeat(agent: Agent) -> None:
    beats = []

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.06)

    task = asyncio.create_task(beat())
    await agent.acall(250)
    await agent.acall(150)
    task.cancel()
    assert len(beats) == 7


@shape(300)
async def background_task(agent: Agent) -> None:
    summary = asyncio.create_task(agent.acall(250))
    for _ in range(3):
        await agent.acall(100)
    await summary


@shape(3 * 100)
async def blocking_sleep_in_the_loop(agent: Agent) -> None:
    async def tool() -> None:
        time.sleep(0.1)

    await asyncio.gather(tool(), tool(), tool())


@shape(3 * 100)
async def sync_client_in_the_loop(agent: Agent) -> None:
    async def tool() -> None:
        agent.call(100)

    await asyncio.gather(tool(), tool(), tool())


@shape(300)
async def to_thread(agent: Agent) -> None:
    await asyncio.gather(*(asyncio.to_thread(agent.call, ms) for ms in (100, 300, 200)))


@shape(600)
async def run_in_executor_of_one(agent: Agent) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, agent.call, ms) for ms in (100, 300, 200)))


@shape(250)
async def loop_in_a_thread(agent: Agent) -> None:
    def other() -> None:
        asyncio.run(asyncio.sleep(0.15))
        agent.call(100)

    await asyncio.gather(asyncio.to_thread(other), agent.acall(200))


@shape(300)
def loop_beside_threads(agent: Agent) -> None:
    """A loop of its own in a thread, as sync facades of async frameworks have it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def soon(seconds: float) -> Any:
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(seconds), loop)

    naps = [soon(0.2), soon(0.3)]
    agent.call(250)
    for nap in naps:
        nap.result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@shape(2 * 150)
async def pipeline_of_generators(agent: Agent) -> None:
    async def numbers() -> AsyncIterator[int]:
        for n in range(2):
            yield await agent.acall(100 + n)

    async for _ in numbers():
        await asyncio.sleep(0.0495)


@shape(250 + 100)
async def anyio_moves_on(agent: Agent) -> None:
    import anyio

    with anyio.move_on_after(0.25):
        async with anyio.create_task_group() as group:
            group.start_soon(agent.acall, 100)
            group.start_soon(agent.acall, 900)
    await agent.acall(100)


@shape(300 + 50)
def trio_nursery(agent: Agent) -> None:
    import trio

    async def in_thread() -> None:
        await trio.to_thread.run_sync(agent.call, 200)

    async def main() -> None:
        async with httpx2.AsyncClient(verify=False, timeout=30) as agent._async_client, trio.open_nursery() as nursery:
            nursery.start_soon(agent.acall, 100)
            nursery.start_soon(agent.acall, 300)
            nursery.start_soon(in_thread)
        await trio.sleep(0.05)

    trio.run(main)


@shape(150 + 250)
async def over_aiohttp(agent: Agent) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def ask(ms: int) -> None:
            async with session.post(agent.endpoint, json=body(ms)) as answer:
                await answer.read()

        await ask(150)
        await asyncio.gather(ask(100), ask(250))


# ---- something real


@shape(200 + 150, real=True)
def child_process(agent: Agent) -> None:
    agent.call(200)
    subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(0.15)"], check=True)


@shape(400, real=True)
async def child_process_beside_a_call(agent: Agent) -> None:
    async def tool() -> None:
        child = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", "import time; time.sleep(0.1)")
        await child.wait()

    await asyncio.gather(tool(), agent.acall(400))


# ---- long ones


async def _turn(client: Any, seconds: int) -> None:
    asked = body((seconds - EVENTS + 1) * 1000, gap=1000, stream=True)
    async for _ in await client.chat.completions.create(model=asked["model"], messages=asked["messages"], stream=True):
        pass


def _tools(agent: Agent) -> tuple[Coroutine[Any, Any, object], ...]:
    return asyncio.sleep(1), asyncio.to_thread(time.sleep, 2), agent.acall(500)


@shape(8_000 + 2_000 + 9_000 + 7_000 + 9_000, long=True)
async def mixed_agent(agent: Agent) -> None:
    async with agent.async_sdk() as client:
        await _turn(client, 8)
        await asyncio.gather(*_tools(agent))
        for seconds in (9, 7, 9):
            await _turn(client, seconds)


@shape(8_000 + 3_500 + 9_000 + 7_000 + 9_000, long=True)
async def mixed_agent_that_lost_its_gather(agent: Agent) -> None:
    async with agent.async_sdk() as client:
        await _turn(client, 8)
        for tool in _tools(agent):
            await tool
        for seconds in (9, 7, 9):
            await _turn(client, seconds)


@shape(2_000, long=True)
def three_calls_in_a_pool_of_three(agent: Agent) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(agent.call, [2_000] * 3))


@shape(6_000, long=True)
def three_calls_in_a_pool_of_one(agent: Agent) -> None:
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(agent.call, [2_000] * 3))
