"""What a client does between two reads is no part of the provider's time."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from pytest_agentperf.record import arrival
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed
from record.gated import GatedServer

MS = 1_000_000
WORK_MS = 80


def work(server):
    """The next part comes meanwhile."""
    server.release.release()
    assert server.sent[1].wait(10)
    time.sleep(WORK_MS / 1000)


def by_httpx2(server):
    httpx2 = pytest.importorskip("httpx2")
    with httpx2.Client() as client, client.stream("POST", server.url, json={}) as answer:
        chunks = answer.iter_raw()
        next(chunks)
        work(server)
        list(chunks)


def by_httpx2_async(server):
    httpx2 = pytest.importorskip("httpx2")

    async def ask():
        async with httpx2.AsyncClient() as client, client.stream("POST", server.url, json={}) as answer:
            chunks = answer.aiter_raw()
            await anext(chunks)
            await asyncio.to_thread(work, server)
            assert [chunk async for chunk in chunks]

    asyncio.run(ask())


def by_urllib3(server):
    urllib3 = pytest.importorskip("urllib3")
    with urllib3.PoolManager() as pool:
        chunks = pool.request("POST", server.url, body=b"{}", preload_content=False).stream()
        next(chunks)
        work(server)
        list(chunks)


def by_aiohttp(server):
    aiohttp = pytest.importorskip("aiohttp")

    async def ask():
        async with aiohttp.ClientSession() as session, session.post(server.url, json={}) as answer:
            await answer.content.readany()
            work(server)  # the event loop stands still
            assert await answer.content.readany()

    asyncio.run(ask())


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
@pytest.mark.parametrize("read", [by_httpx2, by_httpx2_async, by_urllib3, by_aiohttp])
def test_a_chunk_that_waited_for_its_reader_came_when_it_came(read, monkeypatch):
    seen, begin = [], Recorder.begin

    def spy(*args):
        seen.append(begin(*args))
        return seen[-1]

    monkeypatch.setattr(Recorder, "begin", spy)
    with GatedServer(b"data: 1\n\n", b"data: 2\n\n") as server, installed(), Recorder():
        before_ns = time.monotonic_ns()
        read(server)
        whole_ns = time.monotonic_ns() - before_ns
    (pending,) = seen
    assert isinstance(pending, Pending)
    took_ns = pending.chunks[-1][0] - pending.start_ns
    assert took_ns < whole_ns - (WORK_MS - 20) * MS
    assert pending.end_ns - pending.chunks[-1][0] < (WORK_MS - 20) * MS


@pytest.mark.parametrize("sock", [None, object()])
def test_where_nobody_tells_nothing_waited(sock):
    assert arrival.waited_ns(sock) == 0


class Socket:
    """Whose last data came so many milliseconds ago."""

    def __init__(self, milliseconds):
        self.milliseconds = milliseconds

    def getsockopt(self, level, option, size):
        return bytes(52) + self.milliseconds.to_bytes(4, sys.byteorder) + bytes(size - 56)


def test_nothing_came_before_what_was_read_before_it(clock, monkeypatch):
    monkeypatch.setattr(arrival, "_TCP_INFO", 11)
    pending = Pending(None)
    start_ns = clock.now_ns
    pending.response(200, ())
    pending.sock = Socket(300)
    clock.sleep(1)
    pending.chunk(b"a")
    clock.sleep(0.2)
    pending.chunk(b"b")
    clock.sleep(1)
    pending.sock = Socket(4)
    pending.chunk(b"c")
    assert pending.chunks == [(start_ns + 700 * MS, 1), (start_ns + 900 * MS, 1), (start_ns + 2200 * MS, 1)]
