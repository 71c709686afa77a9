"""Random programs of tasks, threads, pools, locks and queues against SimPy: every step at the same nanosecond.

`AGENTPERF_PROGRAMS` sets how many.
"""

import asyncio
import os
import queue
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_agentperf.clock.bubble import bubble

simpy = pytest.importorskip("simpy")

PROGRAMS = int(os.environ.get("AGENTPERF_PROGRAMS", "100"))
SHARED = {"lock": 1, "rlock": 1, "semaphore": 2, "wide semaphore": 3}


class Generator:
    """A program is a list of steps. A step is a tuple: what, how long (µs) or the programs inside.

    Each starts with a sleep and no two durations are alike, so that no two programs ask for one thing at the same time: who
    would then be first is not defined.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pool = self.random.randint(1, 3)

    def program(self):
        return self.steps("thread", 0)

    def steps(self, kind, depth):
        return [("sleep", self.micros()), *(self.step(kind, depth) for _ in range(self.random.randint(1, 4)))]

    def step(self, kind, depth):
        choices = ["sleep", "sleep"]
        if depth < 3:
            choices += ["children", "time-out", "semaphore"]
            choices += ["loop", "pool", "shared", "channel"] if kind == "thread" else ["in thread", "in pool"]
        what = self.random.choice(choices)
        match what:
            case "children":
                return what, [self.steps(kind, depth + 1) for _ in range(self.random.randint(2, 4))]
            case "loop":
                return what, self.steps("task", depth + 1)
            case "in thread":
                return what, self.steps("thread", depth + 1)
            case "pool" | "in pool":
                return what, [self.micros() for _ in range(self.random.randint(1, 4))]
            case "time-out":
                return what, self.micros(), self.micros()
            case "shared":
                return what, self.random.choice(list(SHARED)), self.micros(), self.micros()
            case "semaphore":
                return what, self.random.randint(1, 2), [self.micros() for _ in range(self.random.randint(2, 5))]
            case "channel":
                return what, [self.micros() for _ in range(3)], [self.micros() for _ in range(3)]
        return what, self.micros()

    def micros(self):
        return self.random.randint(1, 5_000_000)


class Real:
    """Runs a program with real threads and loops."""

    def __init__(self, pool_size):
        self.pool = ThreadPoolExecutor(pool_size)
        self.start = time.monotonic_ns()
        self.trace = []
        self.shared = {
            "lock": threading.Lock(),
            "rlock": threading.RLock(),
            "semaphore": threading.Semaphore(2),
            "wide semaphore": threading.BoundedSemaphore(3),
        }

    def log(self, name):
        self.trace.append((name, time.monotonic_ns() - self.start))

    def thread(self, name, steps):
        for n, step in enumerate(steps):
            here = f"{name}.{n}"
            match step:
                case "sleep", micros:
                    time.sleep(micros / 1e6)
                case "children", programs:
                    self.threads([lambda k=k, p=p: self.thread(f"{here}/{k}", p) for k, p in enumerate(programs)])
                case "time-out", first, second:
                    go = threading.Event()
                    thread = threading.Thread(target=lambda go=go, s=second: (time.sleep(s / 1e6), go.set()))
                    thread.start()
                    self.log(f"{here} {go.wait(first / 1e6)}")
                    thread.join()
                case "semaphore", size, durations:
                    slots = threading.Semaphore(size)
                    self.threads(
                        [lambda k=k, d=d: self.held(slots, f"{here}/{k}", k, d) for k, d in enumerate(durations)]
                    )
                case "shared", which, micros, after:
                    with self.shared[which]:
                        time.sleep(micros / 1e6)
                        self.log(f"{here} held")
                    time.sleep(after / 1e6)
                case "pool", durations:
                    futures = [self.pool.submit(time.sleep, micros / 1e6) for micros in durations]
                    for future in futures:
                        future.result()
                case "loop", program:
                    asyncio.run(self.task(here, program))
                case "channel", puts, gets:
                    channel = queue.Queue(maxsize=1)
                    self.threads([lambda: self.put(channel, here, puts), lambda: self.get(channel, here, gets)])
            self.log(here)

    @staticmethod
    def threads(functions):
        threads = [threading.Thread(target=function) for function in functions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def held(self, slots, name, order, micros):
        time.sleep((order + 1) / 1e6)
        with slots:
            time.sleep(micros / 1e6)
            self.log(name)

    def put(self, channel, name, pauses):
        for micros in pauses:
            time.sleep(micros / 1e6)
            channel.put(None)
            self.log(f"{name} put")

    def get(self, channel, name, pauses):
        for micros in pauses:
            channel.get()
            self.log(f"{name} got")
            time.sleep(micros / 1e6)

    async def task(self, name, steps):
        loop = asyncio.get_running_loop()
        for n, step in enumerate(steps):
            here = f"{name}.{n}"
            match step:
                case "sleep", micros:
                    await asyncio.sleep(micros / 1e6)
                case "children", programs:
                    await asyncio.gather(*(self.task(f"{here}/{k}", p) for k, p in enumerate(programs)))
                case "time-out", first, second:
                    sleeper = asyncio.create_task(asyncio.sleep(second / 1e6))
                    done, _ = await asyncio.wait([sleeper], timeout=first / 1e6)
                    self.log(f"{here} {bool(done)}")
                    await sleeper
                case "semaphore", size, durations:
                    slots = asyncio.Semaphore(size)
                    await asyncio.gather(*(self.aheld(slots, f"{here}/{k}", k, d) for k, d in enumerate(durations)))
                case "in thread", program:
                    with ThreadPoolExecutor(1) as one:
                        await loop.run_in_executor(one, self.thread, here, program)
                case "in pool", durations:
                    await asyncio.gather(*(loop.run_in_executor(self.pool, time.sleep, d / 1e6) for d in durations))
            self.log(here)

    async def aheld(self, slots, name, order, micros):
        await asyncio.sleep((order + 1) / 1e6)
        async with slots:
            await asyncio.sleep(micros / 1e6)
            self.log(name)


class Oracle:
    """Runs a program in SimPy."""

    def __init__(self, pool_size):
        self.env = simpy.Environment()
        self.pool = simpy.Resource(self.env, pool_size)
        self.shared = {name: simpy.Resource(self.env, size) for name, size in SHARED.items()}
        self.trace = []

    def log(self, name):
        self.trace.append((name, self.env.now * 1000))

    def all(self, generators):
        return self.env.all_of([self.env.process(generator) for generator in generators])

    def run(self, name, steps):
        env = self.env
        for n, step in enumerate(steps):
            here = f"{name}.{n}"
            match step:
                case "sleep", micros:
                    yield env.timeout(micros)
                case "children", programs:
                    yield self.all(self.run(f"{here}/{k}", p) for k, p in enumerate(programs))
                case "time-out", first, second:
                    event = env.timeout(second)
                    yield event | env.timeout(first)
                    self.log(f"{here} {event.processed}")
                    if not event.processed:
                        yield event
                case "semaphore", size, durations:
                    slots = simpy.Resource(env, size)
                    yield self.all(self.held(slots, f"{here}/{k}", k + 1, d) for k, d in enumerate(durations))
                case "shared", which, micros, after:
                    yield env.process(self.held(self.shared[which], f"{here} held", 0, micros))
                    yield env.timeout(after)
                case (("pool" | "in pool"), durations):
                    yield self.all(self.held(self.pool, None, 0, micros) for micros in durations)
                case (("loop" | "in thread"), program):
                    yield env.process(self.run(here, program))
                case "channel", puts, gets:
                    channel = simpy.Store(env, capacity=1)
                    yield self.all([self.put(channel, here, puts), self.get(channel, here, gets)])
            self.log(here)

    def held(self, slots, name, wait, micros):
        yield self.env.timeout(wait)
        with slots.request() as request:
            yield request
            yield self.env.timeout(micros)
            if name is not None:
                self.log(name)

    def put(self, channel, name, pauses):
        for micros in pauses:
            yield self.env.timeout(micros)
            yield channel.put(None)
            self.log(f"{name} put")

    def get(self, channel, name, pauses):
        for micros in pauses:
            yield channel.get()
            self.log(f"{name} got")
            yield self.env.timeout(micros)


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_every_step_is_where_the_oracle_has_it(seed):
    generator = Generator(seed)
    program = generator.program()
    oracle = Oracle(generator.pool)
    oracle.env.run(oracle.env.process(oracle.run("main", program)))
    with bubble() as measured:
        real = Real(generator.pool)
        real.thread("main", program)
        real.pool.shutdown()
    assert sorted(real.trace) == sorted(oracle.trace)
    assert (measured.elapsed_ns, measured.real_wait_ns, measured.unmodelled) == (oracle.env.now * 1000, 0, ())
