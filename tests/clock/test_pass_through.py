"""Who does not open a bubble must not notice the patches; after `uninstall` they are gone."""

import _thread
import copy
import pickle
import queue
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest

from pytest_agentperf.clock.bubble import bubble


def run(code):
    """Runs a script in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_uninstall_restores_everything():
    out = run(
        """
        import _thread, asyncio, concurrent.futures, gc, os, queue, select, selectors, socket, ssl, subprocess, sys
        import threading, time
        from asyncio import selector_events
        from time import sleep as nap

        OWNERS = [threading.Thread, queue.Queue, socket.socket, ssl.SSLSocket, subprocess.Popen,
                  selector_events.BaseSelectorEventLoop, selector_events._SelectorSocketTransport,
                  *(c for c in vars(selectors).values() if isinstance(c, type))]

        def snapshot():
            modules = {(name, k): v for name, m in sys.modules.items() if not name.startswith("pytest_agentperf")
                       for k, v in vars(m).items() if k not in ("_registry", "__warningregistry__", "_warn_cache")}
            return modules | {(owner, k): v for owner in OWNERS for k, v in vars(owner).items()}

        import pytest_agentperf.clock.bubble as c
        import asyncio.runners, multiprocessing, trio, trio.testing
        before = snapshot()
        for _ in range(2):
            c.install()
            c.install()
            assert nap is not before[("time", "sleep")]
            import sched, wsgiref.simple_server
            from time import monotonic as bound_meanwhile
            with c.bubble():
                nap(1)
                trio.run(trio.sleep, 1)
            c.uninstall()
            c.uninstall()
            after = snapshot()
            assert bound_meanwhile is time.monotonic
            assert sched._time is time.monotonic
            for key, value in before.items():
                if key[1] not in ("nap", "snapshot", "_cleanup", "c", "_") and key in after:
                    assert after[key] is value or after[key] == value, (key, value, after[key])
            assert not set(before) - set(after), set(before) - set(after)
        assert threading.active_count() == 1 or all("Trio" in t.name for t in threading.enumerate()[1:])
        print("ok")
        """
    )
    assert out == "ok\n"


def test_objects_made_between_go_on_to_work_after_uninstall():
    out = run(
        """
        import queue, threading
        from concurrent.futures import ThreadPoolExecutor
        from pytest_agentperf.clock.bubble import install, uninstall
        install()
        lock, rlock, todo, condition, pool = threading.Lock(), threading.RLock(), queue.SimpleQueue(), \\
            threading.Condition(), ThreadPoolExecutor(2)
        list(pool.map(abs, [1]))
        uninstall()
        with lock, rlock, rlock, condition:
            assert not lock.acquire(timeout=0.01)
        todo.put(1)
        assert todo.get() == 1
        thread = threading.Thread(target=lambda: (todo.get(), lock.acquire()))
        thread.start()
        todo.put(1)
        thread.join()
        lock.release()
        print(list(pool.map(abs, [-1, -2])))
        pool.shutdown()
        """
    )
    assert out == "[1, 2]\n"


def test_uninstall_inside_of_a_bubble_is_refused():
    out = run(
        """
        from pytest_agentperf.clock.bubble import bubble, uninstall
        with bubble():
            try:
                uninstall()
            except RuntimeError as error:
                print(error)
        """
    )
    assert out == "uninstall() inside of a bubble\n"


def test_importing_the_clock_patches_nothing():
    out = run("import time; before = time.sleep; import pytest_agentperf.clock.bubble; print(time.sleep is before)")
    assert out == "True\n"


def in_and_out_of_a_bubble(test):
    return pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])(test)


@in_and_out_of_a_bubble
def test_locks_check_their_arguments(inside):
    def check():
        lock = threading.Lock()
        for arguments, error in [
            ((False, 1), ValueError),
            ((True, -2), ValueError),
            ((True, 1e30), OverflowError),
            ((True, "1"), TypeError),
        ]:
            for kind in (lock, threading.RLock()):
                with pytest.raises(error):
                    kind.acquire(*arguments)
        assert not lock.locked()
        assert lock.acquire(blocking=True, timeout=3)
        assert lock.locked()
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(0)
        assert not lock.acquire(timeout=0)
        lock.release()
        with pytest.raises(RuntimeError, match="release unlocked lock"):
            lock.release()
        with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
            threading.RLock().release()

    if inside:
        with bubble():
            check()
    else:
        check()


@in_and_out_of_a_bubble
def test_queues_check_their_arguments(inside):
    def check():
        todo = queue.SimpleQueue()
        with pytest.raises(queue.Empty):
            todo.get_nowait()
        with pytest.raises(queue.Empty):
            todo.get(timeout=0)
        with pytest.raises(ValueError, match="non-negative"):
            todo.get(timeout=-1)
        with pytest.raises(TypeError):
            todo.get(timeout="1")
        todo.put_nowait(1)
        todo.put(2, block=True, timeout=1)
        assert (todo.qsize(), todo.empty(), todo.get(), todo.get(False)) == (2, False, 1, 2)

    if inside:
        with bubble():
            check()
    else:
        check()


@in_and_out_of_a_bubble
def test_sleep_checks_its_argument(inside):
    def check():
        for argument, error in [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError), (None, TypeError)]:
            with pytest.raises(error):
                time.sleep(argument)
        with pytest.raises(TypeError):
            time.sleep()
        with pytest.raises(TypeError):
            time.monotonic(1)
        time.sleep(0)
        time.sleep(True * 1e-9)

    if inside:
        with bubble():
            check()
    else:
        check()


def test_locks_look_like_the_originals():
    for made, original in [(threading.Lock(), _thread.allocate_lock()), (threading.RLock(), _thread.RLock())]:
        assert repr(made).partition(" at ")[0] == repr(original).partition(" at ")[0]
        assert isinstance(made, type(original))
        weakref.ref(made)
        for refused in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=r"(?i)cannot pickle '.*lock' object"):
                refused(made)
    for lock in (threading.Lock(), threading.RLock()):
        with lock as got:
            assert got is True
    assert isinstance(queue.SimpleQueue(), queue.SimpleQueue)
    if isinstance(threading.Lock, type):
        assert isinstance(_thread.allocate_lock(), threading.Lock)
    with pytest.raises(TypeError):
        type("Mine", (threading.Lock if isinstance(threading.Lock, type) else type(threading.Lock()),), {})


def test_raw_threads():
    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(lambda one, *, two: done.release(), (1,), {"two": 2})
    done.acquire()
    with pytest.raises(TypeError):
        _thread.start_new_thread(1, ())
    with bubble() as measured:
        finished = threading.Event()
        _thread.start_new_thread(lambda seconds: (time.sleep(seconds), finished.set()), (2,))
        finished.wait()
        with pytest.raises(TypeError):
            _thread.start_new_thread(1, ())
    assert measured.elapsed_ns == 2e9


def test_threads_refuse_what_the_originals_refuse():
    with bubble():
        thread = threading.Thread(target=int)
        with pytest.raises(RuntimeError, match="before it is started"):
            thread.join()
        thread.start()
        with pytest.raises(RuntimeError, match="only be started once"):
            thread.start()
        thread.join()
        thread.join(timeout=-1)
        with pytest.raises(RuntimeError, match="current thread"):
            threading.current_thread().join()
        unmade = threading.Thread.__new__(threading.Thread)
        with pytest.raises(RuntimeError, match="not called"):
            unmade.start()
        time.sleep(1)
