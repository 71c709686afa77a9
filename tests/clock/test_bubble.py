"""What a bubble promises beyond the durations."""

import asyncio
import gc
import itertools
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_agentperf.clock.bubble import Deadlock, RunawayClock, bubble, real_io

HERE = os.path.relpath(__file__)
CLOCKS = ["monotonic", "perf_counter", "time"]


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks_show_the_waits_and_nothing_else(name):
    read, read_ns = getattr(time, name), getattr(time, f"{name}_ns")
    with bubble():
        start, start_ns = read(), read_ns()
        assert sum(range(100_000))
        time.sleep(35)
        assert read_ns() - start_ns == 35e9
        assert read() - start == pytest.approx(35, abs=1e-6)


def test_wall_clock_starts_now_or_at_the_epoch():
    before = time.time()
    with bubble():
        assert before <= time.time() <= before + 60
    with bubble(epoch=1_700_000_000):
        time.sleep(35)
        assert time.time() == 1_700_000_035


def test_monotonic_clocks_do_not_go_back_at_the_start():
    before = time.monotonic(), time.perf_counter()
    with bubble():
        assert (time.monotonic(), time.perf_counter()) > before


def test_threads_outside_live_in_real_time():
    seen, stop = [], threading.Event()

    def outsider():
        while not stop.is_set():
            seen.append(time.monotonic())
            stop.wait(0.001)

    thread = threading.Thread(target=outsider)
    thread.start()
    before = time.monotonic()
    with bubble():
        time.sleep(1000)
    stop.set()
    thread.join()
    assert max(seen) < before + 1000


def test_elapsed_is_readable_inside_and_afterwards():
    with bubble() as measured:
        assert measured.elapsed_ns == 0
        time.sleep(2)
        assert measured.elapsed_ns == 2e9
    assert measured.elapsed_ns == 2e9


def test_random_is_seeded_and_restored():
    random.seed(1)
    state = random.getstate()
    draws = []
    for seed in (0, 0, 7):
        with bubble(seed=seed):
            draws.append(random.random())
    assert draws[0] == draws[1] != draws[2]
    assert random.getstate() == state


def test_two_bubbles_at_once_are_refused():
    with bubble(), pytest.raises(RuntimeError, match="open already"), bubble():
        pass


def test_exception_passes_and_closes_the_bubble():
    with pytest.raises(KeyError), bubble():
        raise KeyError
    with bubble():
        pass


def test_deadlock_names_who_waits_where():
    def hold_and_take(mine, other):
        with mine:
            time.sleep(1)
            with other:
                pass

    first, second = threading.Lock(), threading.Lock()

    def other():
        with pytest.raises(Deadlock):
            hold_and_take(first, second)

    thread = threading.Thread(target=other, name="the other")
    with pytest.raises(Deadlock) as caught, bubble():
        thread.start()
        hold_and_take(second, first)
    thread.join()
    message = str(caught.value)
    assert "MainThread waits at " in message
    assert "the other waits at " in message
    assert message.count(f"{HERE}:{hold_and_take.__code__.co_firstlineno + 3} in hold_and_take") == 2
    assert not first.locked()
    assert not second.locked()


def test_deadlock_of_tasks():
    async def waits_for_ever():
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"Task-\d+ waits at .* in waits_for_ever"), bubble():
        asyncio.run(waits_for_ever())


def test_deadlock_spares_threads_from_outside():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with pytest.raises(Deadlock), bubble():
            pool.submit(time.sleep, 1).result()
            threading.Event().wait()
        assert pool.submit(int, "7").result() == 7


def test_runaway_is_not_eaten_by_retry_loops():
    def retry():
        for attempt in itertools.count():
            try:
                time.sleep(100)
                os.stat("/nowhere")
            except Exception:
                assert attempt < 100

    with pytest.raises(RunawayClock, match="limit of 600 s"), bubble(max_virtual_s=600):
        retry()


def test_runaway_that_the_code_swallowed_is_raised_at_the_end():
    def swallow():
        try:
            time.sleep(4000)
        except BaseException:
            return

    with pytest.raises(RunawayClock), bubble():
        swallow()


@pytest.mark.parametrize("read", [time.monotonic, time.time], ids=["monotonic", "time"])
def test_polling_the_clock_ends(read):
    with bubble() as measured:
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            read()
    assert measured.elapsed_ns == pytest.approx(2e9, rel=1e-3)


def test_polling_the_clock_for_ever_is_a_runaway():
    def poll():
        while True:
            time.monotonic()

    with pytest.raises(RunawayClock, match="polled"), bubble(max_virtual_s=1):
        poll()


@pytest.fixture
def timed_collections():
    """Each garbage collection is timed, as hypothesis does; when there is one is luck, and nobody can catch what it raises."""

    def read(phase, info):
        time.monotonic()

    gc.callbacks.insert(0, read)
    yield lambda: gc.callbacks.append(read)
    while read in gc.callbacks:
        gc.callbacks.remove(read)


def test_a_garbage_collection_does_not_poll_the_clock(timed_collections):
    with bubble() as measured:
        timed_collections()
        for _ in range(1_000):
            gc.collect(0)
    assert measured.elapsed_ns == 0


def test_a_runaway_is_not_raised_into_a_garbage_collection(timed_collections):
    with pytest.raises(RunawayClock, match="polled"), bubble(max_virtual_s=1):
        timed_collections()
        try:
            while True:
                time.monotonic()
        finally:
            gc.collect()


def test_polling_for_another_thread_ends():
    done = []
    with bubble():
        thread = threading.Thread(target=lambda: (time.sleep(0.5), done.append(1)))
        thread.start()
        while not done:
            time.sleep(0)
        thread.join()

    async def poll():
        task = asyncio.create_task(asyncio.sleep(0.5))
        while not task.done():
            await asyncio.sleep(0)

    with bubble() as measured:
        asyncio.run(poll())
    assert measured.elapsed_ns == pytest.approx(0.5e9, rel=0.1)


def test_computing_costs_nothing():
    with bubble() as measured:
        thread = threading.Thread(target=time.sleep, args=(1,))
        thread.start()
        end = time.process_time() + 0.3
        while time.process_time() < end:
            sum(range(1000))
        thread.join()
    assert (measured.elapsed_ns, measured.unmodelled) == (1e9, ())


def test_real_io_counts_as_it_is():
    with bubble() as measured:
        start = time.monotonic()
        with real_io():
            time.sleep(0.1)
        seen = time.monotonic() - start
        time.sleep(5)
    assert 5.05e9 <= measured.elapsed_ns == 5e9 + measured.real_wait_ns
    assert seen >= 0.05
    [told] = measured.unmodelled
    line = test_real_io_counts_as_it_is.__code__.co_firstlineno + 3
    assert told == (
        f"real time was used: a thread waited for something real in {HERE}:{line} in test_real_io_counts_as_it_is"
    )


def test_real_io_of_a_thread_beside_virtual_waits():
    def query():
        with real_io():
            time.sleep(0.1)

    with bubble() as measured:
        thread = threading.Thread(target=query)
        thread.start()
        time.sleep(30)
        thread.join()
    assert measured.elapsed_ns == 30e9
    assert measured.real_wait_ns >= 0.05e9


def test_real_io_outside_of_a_bubble_does_nothing():
    with real_io():
        pass


def test_short_real_waits_are_noise():
    with bubble() as measured:
        for _ in range(20):
            with real_io():
                pass
    assert (measured.elapsed_ns, measured.unmodelled) == (0, ())


def test_unknown_blocking_takes_real_time_and_is_named():
    reader, writer = os.pipe()

    def unknown_to_us():
        return os.read(reader, 1)

    timer = threading.Timer(0.6, os.write, (writer, b"x"))
    timer.start()  # outside: in real time
    with bubble() as measured:
        thread = threading.Thread(target=time.sleep, args=(1,))
        thread.start()
        unknown_to_us()
        thread.join()
    timer.join()
    os.close(reader)
    os.close(writer)
    assert measured.elapsed_ns == 1e9
    assert measured.real_wait_ns > 0
    [note] = measured.unmodelled
    assert note == (
        "real time was used: a thread was blocked in "
        f"{HERE}:{unknown_to_us.__code__.co_firstlineno + 1} in unknown_to_us"
    )


def test_thread_that_outlives_the_bubble_goes_on_in_real_time():
    done = threading.Event()
    thread = threading.Thread(target=lambda: (time.sleep(0.05), done.wait(0.05), done.set()), daemon=True)
    with bubble() as measured:
        thread.start()
    thread.join()
    assert done.is_set()
    assert measured.elapsed_ns == 0


def test_thread_that_outlives_the_bubble_can_be_woken():
    todo, lock = threading.Event(), threading.Lock()
    lock.acquire()
    threads = [threading.Thread(target=todo.wait), threading.Thread(target=lock.acquire)]
    with bubble():
        for thread in threads:
            thread.start()
        time.sleep(1)
    todo.set()
    lock.release()
    for thread in threads:
        thread.join()


def test_workers_from_before_the_bubble_are_adopted():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(abs, [1, 2]))
        for _ in range(10):
            with bubble() as measured:
                list(pool.map(time.sleep, [1] * 5))
            assert (measured.elapsed_ns, measured.unmodelled) == (3e9, ())
        assert pool.submit(abs, -1).result() == 1


def test_forked_child_lives_in_real_time():
    with bubble():
        time.sleep(1000)
        child = os.fork()
        if not child:
            before = time.monotonic()
            time.sleep(0.001)
            os._exit(0 if time.monotonic() < before + 1 else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_after_a_fork_somebody_watches_again():
    reader, writer = os.pipe()
    with bubble() as measured:
        child = os.fork()
        if not child:
            os._exit(0)
        thread = threading.Thread(target=lambda: (time.sleep(0.2), os.write(writer, b"x")))
        thread.start()
        os.read(reader, 1)  # nobody but a watcher sees that this waits for the other
        thread.join()
        os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    assert measured.elapsed_ns >= 0.1e9
    assert measured.unmodelled


def test_threads_that_fork_at_the_same_time():
    def fork():
        for _ in range(5):
            if not (child := os.fork()):
                os._exit(0)
            os.waitpid(child, 0)

    threads = [threading.Thread(target=fork) for _ in range(8)]
    with bubble():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_finalisers_may_use_locks():
    """The garbage collector runs in the middle of anything, the clock's own code included."""
    lock = threading.Lock()

    class Node:
        def __init__(self):
            self.me = self

        def __del__(self):
            with lock:
                pass

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        with bubble() as measured, ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: (Node(), time.sleep(1)), range(9)))
    finally:
        gc.set_threshold(*threshold)
    assert measured.elapsed_ns == 3e9


def test_no_thread_is_left_behind():
    before = threading.active_count()
    with bubble(), ThreadPoolExecutor(3) as pool:
        list(pool.map(time.sleep, [1, 2, 3]))
    assert threading.active_count() <= before


def test_same_number_every_time():
    def agent():
        async def turn():
            await asyncio.sleep(random.random())
            await asyncio.gather(asyncio.sleep(1), asyncio.to_thread(time.sleep, random.random()))

        asyncio.run(turn())
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(time.sleep, [random.random() for _ in range(5)]))

    def measure():
        with bubble(seed=3) as measured:
            agent()
        return measured.elapsed_ns

    assert len({measure() for _ in range(50)}) == 1
