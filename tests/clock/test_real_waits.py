"""Real things in a bubble: recognised, and counted at their real duration.

Only bounds that hold on any machine are asserted: a real wait is at least half of what was asked for (the rest may go by while
the test has no processor) and at most what a real clock saw, and no time-out expires that would not expire in reality.
"""

import _thread
import asyncio
import contextlib
import http.server
import multiprocessing
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace

import pytest

from pytest_agentperf.clock.bubble import bubble

HERE = os.path.relpath(__file__)
CHILD = [sys.executable, "-c", "import time; time.sleep(0.2); print('done')"]
SERVER = """
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(0.1)
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        for _ in range(4):
            self.wfile.write(b"x")
            time.sleep(0.05)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
SERVED_S = 0.25
"""Until the last byte of an answer of SERVER, at least."""


@contextlib.contextmanager
def measuring():
    """A bubble, and what a real clock says about it."""
    result = SimpleNamespace()
    start = time.monotonic_ns()
    with bubble() as measured:
        yield result
    result.wall_ns = time.monotonic_ns() - start
    result.elapsed_ns = measured.elapsed_ns
    result.virtual_ns = measured.elapsed_ns - measured.real_wait_ns
    result.real_wait_ns = measured.real_wait_ns
    result.unmodelled = measured.unmodelled


def assert_told(result, *places):
    """Each real wait, recognised or not, is named once."""
    assert len(result.unmodelled) == len(places)
    for told, place in zip(result.unmodelled, places, strict=True):
        assert told.startswith("real time was used: a thread ")
        assert place in told


@pytest.fixture(scope="module")
def port():
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        yield int(server.stdout.readline())
        server.terminate()


async def async_child():
    child = await asyncio.create_subprocess_exec(*CHILD, stdout=asyncio.subprocess.PIPE)
    assert await child.communicate() == (b"done\n", None)


async def async_child_without_pipes():
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(0.2)")
    assert await child.wait() == 0


def polled_child():
    with subprocess.Popen(CHILD, stdout=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 50
        while child.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)


WAITS_FOR_A_CHILD = {
    "poll": polled_child,
    "run": lambda: subprocess.run(CHILD, check=True, capture_output=True),
    "run with a time-out": lambda: subprocess.run(CHILD, check=True, capture_output=True, timeout=50),
    "wait": lambda: subprocess.Popen([*CHILD[:2], CHILD[2].partition("print")[0]]).wait(),
    "waitpid": lambda: os.waitpid(os.posix_spawn(CHILD[0], [*CHILD[:2], "import time; time.sleep(0.2)"], {}), 0),
    "asyncio": lambda: asyncio.run(async_child()),
    "asyncio without pipes": lambda: asyncio.run(async_child_without_pipes()),
}


@pytest.mark.parametrize("wait_for_child", WAITS_FOR_A_CHILD.values(), ids=WAITS_FOR_A_CHILD)
def test_child_process(wait_for_child):
    with measuring() as result:
        wait_for_child()
        time.sleep(5)
    assert 5.1e9 <= result.elapsed_ns <= 5e9 + result.wall_ns
    assert result.virtual_ns == 5e9
    assert_told(result, HERE)


def test_child_process_in_a_thread_beside_virtual_waits():
    with measuring() as result:
        thread = threading.Thread(target=subprocess.run, args=(CHILD,), kwargs={"stdout": subprocess.DEVNULL})
        thread.start()
        time.sleep(30)
        thread.join()
    assert result.elapsed_ns == 30e9
    assert result.real_wait_ns >= 0.1e9


def test_time_out_that_a_child_exceeds():
    with measuring() as result, pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2, check=False)
    assert 0.1e9 <= result.elapsed_ns <= result.wall_ns


def test_no_time_out_that_would_not_expire_in_reality(port):
    async def main():
        async with asyncio.timeout(50):
            await async_child()
        async with asyncio.timeout(50):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.readuntil(b"xxxx")).endswith(b"xxxx")
        await asyncio.sleep(5)
        writer.close()
        await writer.wait_closed()

    with measuring() as result:
        asyncio.run(main())
    assert 5e9 + 0.1e9 + SERVED_S * 0.5e9 <= result.elapsed_ns <= 5e9 + result.wall_ns
    assert result.virtual_ns == 5e9


def test_async_request_beside_virtual_waits(port):
    async def request():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"xxxx")
        writer.close()
        await writer.wait_closed()

    async def main():
        await asyncio.gather(request(), asyncio.sleep(30))

    with measuring() as result:
        asyncio.run(main())
    assert result.elapsed_ns == 30e9
    assert result.real_wait_ns >= SERVED_S * 0.5e9


def test_protocol_that_tells_nothing_about_readers(port):
    class Client(asyncio.Protocol):
        def __init__(self):
            self.received, self.complete = b"", asyncio.get_running_loop().create_future()

        def connection_made(self, transport):
            transport.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")

        def data_received(self, data):
            self.received += data
            if self.received.endswith(b"xxxx"):
                self.complete.set_result(None)

    async def main():
        transport, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
        await asyncio.wait_for(client.complete, timeout=50)
        await asyncio.sleep(30)  # the connection is idle
        transport.close()

    with measuring() as result:
        asyncio.run(main())
    assert 30e9 + SERVED_S * 0.5e9 <= result.elapsed_ns <= 30e9 + result.wall_ns
    assert result.wall_ns < 30e9


def test_blocking_request(port):
    with measuring() as result:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=50) as response:
            assert response.read() == b"xxxx"
        time.sleep(5)
    assert 5e9 + SERVED_S * 0.5e9 <= result.elapsed_ns <= 5e9 + result.wall_ns
    assert result.virtual_ns == 5e9
    line = test_blocking_request.__code__.co_firstlineno + 2
    assert_told(result, f"{HERE}:{line}", f"{HERE}:{line + 1}")


def test_server_in_a_thread_of_the_bubble():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(0.1)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with measuring() as result:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", timeout=50).close()
        time.sleep(30)  # a server that waits for clients does not hold time
        server.shutdown()
        thread.join()
        server.server_close()
    assert 30e9 <= result.elapsed_ns <= 30e9 + result.wall_ns + 0.1e9
    assert result.wall_ns < 30e9
    assert "blocked" not in "".join(result.unmodelled)


def test_server_in_the_same_loop():
    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(3):
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            await asyncio.sleep(10)  # a connection that is kept alive does not hold time
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(1)
        server.close()
        await server.wait_closed()

    with measuring() as result:
        asyncio.run(main())
    assert result.virtual_ns == 31e9
    assert result.wall_ns < 30e9


def test_sockets_between_threads():
    def answer(sock):
        question = sock.recv(10)
        time.sleep(0.1)
        sock.sendall(question)

    with measuring() as result:
        here, there = socket.socketpair()
        thread = threading.Thread(target=answer, args=(there,))
        thread.start()
        here.settimeout(50)
        here.sendall(b"?")
        assert here.recv(10) == b"?"
        thread.join()
        here.close()
        there.close()
    assert 0.05e9 <= result.elapsed_ns <= result.wall_ns + 0.1e9


def test_select_and_foreign_selectors():
    reader, writer = os.pipe()
    timers = [threading.Timer(seconds, os.write, (writer, b"x")) for seconds in (0.1, 0.2)]
    for timer in timers:
        timer.start()  # outside
    with measuring() as result, selectors.DefaultSelector() as selector:
        assert select.select([reader], [], [], 50)[0] == [reader]
        os.read(reader, 1)
        selector.register(reader, selectors.EVENT_READ)
        assert selector.select(50)
        time.sleep(5)
    for timer in timers:
        timer.join()
    os.close(reader)
    os.close(writer)
    assert 5e9 <= result.elapsed_ns <= 5e9 + result.wall_ns
    assert result.virtual_ns == 5e9


def test_process_pool():
    context = multiprocessing.get_context("spawn")
    with measuring() as result, ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(time.sleep, 0.2).result(timeout=50) is None
    assert 0.1e9 <= result.elapsed_ns <= result.wall_ns


def test_signal_reaches_a_thread_that_waits():
    class Alarm(Exception):
        pass

    def on_alarm(signum, frame):
        raise Alarm

    before = signal.signal(signal.SIGALRM, on_alarm)
    lock = threading.Lock()
    try:
        for wait in (lambda: threading.Event().wait(), lambda: with_lock_held(lock)):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Alarm), bubble():
                wait()
    finally:
        signal.signal(signal.SIGALRM, before)
    with bubble() as measured:
        time.sleep(1)
    assert measured.elapsed_ns == 1e9
    assert not lock.locked()


def with_lock_held(lock):
    with lock:
        threading.Event().wait()


@pytest.mark.parametrize("made", ["inside", "outside"])
def test_uvloop(made):
    uvloop = pytest.importorskip("uvloop")
    original = uvloop.Loop, uvloop.new_event_loop
    outside = uvloop.new_event_loop()
    with measuring() as result:
        loop = uvloop.new_event_loop() if made == "inside" else outside
        loop.run_until_complete(asyncio.sleep(0.6))
        loop.close()
    outside.close()
    assert (uvloop.Loop, uvloop.new_event_loop) == original
    if made == "inside":
        assert (result.elapsed_ns, result.real_wait_ns) == (0.6e9, 0)
    else:
        assert 0 < result.elapsed_ns <= result.wall_ns
        assert_told(result, HERE)


def test_older_lock_takes_real_time_and_is_named():
    older = _thread.allocate_lock()  # what a lock is that was made before the patches

    def hold():
        with older:
            held.set()
            time.sleep(0.3)

    with measuring() as result:
        held = threading.Event()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        with older:
            pass
        thread.join()
    assert result.elapsed_ns >= 0.15e9
    assert_told(result, HERE)
