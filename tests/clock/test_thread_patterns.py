"""Synchronous programs: what each would take on an ideal machine, to the nanosecond."""

import asyncio
import queue
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait

import pytest

from pytest_agentperf.clock.bubble import bubble


def run_threads(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def nap(seconds):
    return lambda: time.sleep(seconds)


def sleeps():
    time.sleep(1)
    time.sleep(2.5)
    time.sleep(0)


def threads_side_by_side():
    run_threads(nap(1), nap(2), nap(0.5))


def pool_with_room():
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(time.sleep, [1, 2, 0.5]))


def pool_of_one():
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(time.sleep, [2, 2, 2]))


def pool_saturated():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(time.sleep, [1] * 5))


def pool_in_pool():
    def outer(seconds):
        with ThreadPoolExecutor(2) as inner:
            list(inner.map(time.sleep, [seconds, seconds]))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(outer, [1, 2, 3]))


def results_as_completed():
    with ThreadPoolExecutor(3) as pool:
        futures = {pool.submit(time.sleep, seconds): seconds for seconds in (2, 0.5, 1)}
        assert [futures[done] for done in as_completed(futures)] == [0.5, 1, 2]


def first_completed():
    with ThreadPoolExecutor(2) as pool:
        start = time.monotonic()
        done, _ = wait([pool.submit(time.sleep, 0.5), pool.submit(time.sleep, 2)], return_when=FIRST_COMPLETED)
        assert len(done) == 1
        assert time.monotonic() - start == 0.5


def result_in_time_or_not():
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(time.sleep, 3)
        with pytest.raises(TimeoutError):
            future.result(timeout=1)
        future.result(timeout=2.5)


def producer_and_consumer():
    todo = queue.Queue(maxsize=2)

    def produce():
        for _ in range(5):
            time.sleep(0.25)
            todo.put(1)
        todo.put(None)

    def consume():
        while todo.get() is not None:
            time.sleep(1)

    run_threads(produce, consume)


def queue_time_out():
    with pytest.raises(queue.Empty):
        queue.Queue().get(timeout=2)
    with pytest.raises(queue.Empty):
        queue.SimpleQueue().get(timeout=1)


def simple_queue():
    todo = queue.SimpleQueue()
    run_threads(lambda: (time.sleep(1), todo.put(3)), lambda: time.sleep(todo.get()))


def queue_join():
    todo = queue.Queue()

    def work():
        while (seconds := todo.get()) is not None:
            time.sleep(seconds)
            todo.task_done()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for seconds in (3, 1, 1):
        todo.put(seconds)
    todo.join()
    for _ in workers:
        todo.put(None)


def lock_across_calls():
    lock = threading.Lock()

    def call():
        with lock:
            time.sleep(1)

    run_threads(call, call, call)


def lock_in_time_or_not():
    lock = threading.Lock()

    def impatient():
        assert not lock.acquire(timeout=1)
        assert lock.acquire(timeout=5)
        lock.release()

    with lock:
        thread = threading.Thread(target=impatient)
        thread.start()
        time.sleep(3)
    thread.join()


def reentrant_lock():
    lock = threading.RLock()

    def call():
        with lock, lock:
            time.sleep(1)

    run_threads(call, call)


def semaphore_of_two():
    slots = threading.BoundedSemaphore(2)

    def call(seconds):
        def run():
            with slots:
                time.sleep(seconds)

        return run

    run_threads(call(3), call(1), call(1), call(1))


def condition():
    box, ready = [], threading.Condition()

    def give():
        time.sleep(2)
        with ready:
            box.append(1)
            ready.notify_all()

    def take():
        with ready:
            assert not ready.wait_for(lambda: box, timeout=1)
            assert ready.wait_for(lambda: box, timeout=5)
            time.sleep(1)  # with the lock

    run_threads(take, take, give)


def event():
    go = threading.Event()
    run_threads(lambda: (time.sleep(2), go.set()), lambda: go.wait() and time.sleep(1), lambda: go.wait(timeout=1))


def barrier():
    meet = threading.Barrier(3)
    run_threads(*(lambda s=s: (time.sleep(s), meet.wait(), time.sleep(1)) for s in (1, 2, 3)))


def join_in_time_or_not():
    thread = threading.Thread(target=time.sleep, args=(2,))
    thread.start()
    thread.join(timeout=0.5)
    assert thread.is_alive()
    thread.join(timeout=10)
    assert not thread.is_alive()


def timer():
    go = threading.Event()
    threading.Timer(2, go.set).start()
    never = threading.Timer(100, go.set)
    never.start()
    go.wait()
    never.cancel()
    never.join()


def heartbeat():
    stop = threading.Event()
    beats = []

    def beat():
        while not stop.wait(0.3):
            beats.append(time.monotonic())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    time.sleep(2)
    stop.set()
    thread.join()
    assert len(beats) == 6


def loops_in_threads():
    async def agent(seconds):
        await asyncio.gather(asyncio.sleep(seconds), asyncio.sleep(1))

    run_threads(*(lambda s=s: asyncio.run(agent(s)) for s in (2, 3)))


def future_by_hand():
    future = Future()
    run_threads(lambda: (time.sleep(2), future.set_result(1)), lambda: time.sleep(future.result()))


def rate_limiter():
    lock, last = threading.Lock(), [time.monotonic() - 10]

    def call():
        with lock:
            time.sleep(max(0, last[0] + 0.5 - time.monotonic()))
            last[0] = time.monotonic()
        time.sleep(1)

    run_threads(*[call] * 5)


def hedged_request():
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(time.sleep, 2)
        if not wait([slow], timeout=0.25).done:
            start = time.monotonic()
            fast = pool.submit(time.sleep, 0.25)
            assert wait([slow, fast], return_when=FIRST_COMPLETED).done == {fast}
            assert time.monotonic() - start == 0.25


def polling():
    done = []
    thread = threading.Thread(target=lambda: (time.sleep(2.05), done.append(1)))
    thread.start()
    while not done:
        time.sleep(0.1)
    thread.join()


def thread_that_starts_threads():
    run_threads(lambda: (time.sleep(1), run_threads(nap(1), lambda: run_threads(nap(2), nap(1)))))


def fair_lock():
    lock, order = threading.Lock(), []

    def call(name):
        def run():
            for _ in range(3):
                with lock:
                    order.append(name)
                    time.sleep(1)

        return run

    run_threads(call("a"), call("b"))
    assert "".join(order) in ("ababab", "bababa")


PATTERNS = {
    sleeps: 3.5,
    threads_side_by_side: 2,
    pool_with_room: 2,
    pool_of_one: 6,
    pool_saturated: 3,
    pool_in_pool: 4,
    results_as_completed: 2,
    first_completed: 2,
    result_in_time_or_not: 3,
    producer_and_consumer: 5.25,
    queue_time_out: 3,
    simple_queue: 4,
    queue_join: 3,
    lock_across_calls: 3,
    lock_in_time_or_not: 3,
    reentrant_lock: 2,
    semaphore_of_two: 3,
    condition: 4,
    event: 3,
    barrier: 4,
    join_in_time_or_not: 2,
    timer: 2,
    heartbeat: 2,
    loops_in_threads: 3,
    future_by_hand: 3,
    rate_limiter: 3,
    hedged_request: 2,
    polling: 2.1,
    thread_that_starts_threads: 3,
    fair_lock: 6,
}


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda function: function.__name__)
def test_pattern_takes_exactly_what_it_would(pattern):
    for _ in range(10):
        with bubble() as measured:
            pattern()
        assert (measured.elapsed_ns, measured.real_wait_ns, measured.unmodelled) == (PATTERNS[pattern] * 1e9, 0, ())
