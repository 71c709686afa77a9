"""During a replay nothing leaves this machine that no tap answers."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading

import pytest

from pytest_agentperf.record import closed
from pytest_agentperf.record.cassette import NetworkClosed

ELSEWHERE = ("192.0.2.1", 9)
"""An address that documents use and nobody has (RFC 5737)."""


def connect(address=ELSEWHERE):
    with socket.socket() as sock:
        sock.setblocking(False)
        return sock.connect_ex(address)


def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", ELSEWHERE)


def in_a_thread():
    raised = []

    def work():
        try:
            connect()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise raised[0]


async def open_connection(host):
    await asyncio.open_connection(host, 9)


async def sock_connect():
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ELSEWHERE)


def directly():
    httpcore = pytest.importorskip("httpcore")
    httpcore.request("GET", "http://192.0.2.1/")


def websocket():
    client = pytest.importorskip("websockets.sync.client")
    client.connect("ws://realtime.example.com")


def grpc_channel():
    pytest.importorskip("grpc").insecure_channel("dns:///llm.example.com:50051")


WAYS = {
    "socket": connect,
    "datagram": send,
    "thread": in_a_thread,
    "create_connection": lambda: socket.create_connection(("api.example.com", 443)),
    "gethostbyname": lambda: socket.gethostbyname("api.example.com"),
    "asyncio by name": lambda: asyncio.run(open_connection("api.example.com")),
    "asyncio by address": lambda: asyncio.run(open_connection(ELSEWHERE[0])),
    "sock_connect": lambda: asyncio.run(sock_connect()),
    "httpcore": directly,
    "websockets": websocket,
    "grpc": grpc_channel,
}


@pytest.fixture
def replayed(cassette):
    with cassette("none"):
        yield


@pytest.mark.parametrize("way", WAYS)
def test_what_no_tap_owns_is_refused(way, cassette, recorder):
    with cassette("none"), pytest.raises(NetworkClosed) as raised:
        WAYS[way]()
    assert recorder.stops == [raised.value]
    message = str(raised.value)
    assert message.startswith("a connection to ")
    assert "test_closed.py:" in message or way == "thread"
    assert "agentperf_allowed_hosts = " in message


def test_this_machine_is_not_elsewhere(replayed, tmp_path, provider):
    with socket.create_connection(("localhost", int(provider.url.rpartition(":")[2]))):
        pass
    socket.getaddrinfo(socket.gethostname(), None)
    socket.getaddrinfo(None, 80)
    if hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX) as sock, pytest.raises(FileNotFoundError):
            sock.connect(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("fe80::1%eth0", False),
        ("a.localhost", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("", True),
    ],
)
def test_who_is_here(host, here):
    assert closed.is_here(host) == here


def test_who_is_allowed_is_reached(cassette):
    with cassette("none", agentperf_allowed_hosts=["192.0.2.*"]):
        connect()  # whatever the system says of it


def test_what_a_filter_of_the_user_leaves_alone_is_reached(cassette, stack):
    async def ask():
        async with stack.AsyncClient(timeout=0.01) as client:
            await client.get("http://nowhere.invalid/")

    with cassette("none", ignore_hosts=["nowhere.invalid"]):
        with pytest.raises((stack.ConnectError, stack.ConnectTimeout)):
            asyncio.run(ask())


def test_a_request_that_a_tap_sees_to_an_allowed_host_is_let_through(cassette, provider, recorder):
    httpx2 = pytest.importorskip("httpx2")
    with cassette("none", agentperf_allowed_hosts=["127.0.0.1"]):
        httpx2.post(provider.url + "/telemetry", json={})
    assert len(provider.hits) == 1
    assert recorder.stops == []


def test_a_recording_is_open(cassette):
    with cassette("once"):
        connect()
    connect()


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("a.example:50051", "a.example"),
        ("dns:///a.example:443", "a.example"),
        ("dns://8.8.8.8/a.example:443", "a.example"),
        ("ipv4:192.0.2.1:5", "192.0.2.1"),
        ("[::1]:5", "::1"),
        ("a.example", "a.example"),
        ("unix:/tmp/s", ""),
    ],
)
def test_whom_a_grpc_target_names(target, host):
    assert closed._target(target) == host


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system")
def test_a_connection_that_nobody_could_refuse_is_told(monkeypatch, provider):
    monkeypatch.setitem(sys.modules, "pycurl", sys)
    monkeypatch.setattr(closed, "is_here", lambda host: False)
    door = closed.Door()
    with socket.create_connection(("127.0.0.1", int(provider.url.rpartition(":")[2]))):
        (sentence,) = door.bypassed()
    assert sentence.startswith("a connection to 127.0.0.1 was made outside of Python (")
    assert "pycurl" in sentence


def test_it_fails_the_test_even_if_swallowed_and_in_virtual_time(pytester):
    pytester.makeini("[pytest]\nagentperf_allowed_hosts = 192.0.2.2\n")
    pytester.makepyfile("""
        import asyncio, contextlib, socket
        import pytest

        @pytest.mark.vcr
        def test_closed(profiler):
            with contextlib.suppress(BaseException), socket.socket() as sock:
                sock.connect(("192.0.2.1", 9))

        @pytest.mark.vcr
        def test_closed_for_tasks(profiler):
            async def agent():
                with contextlib.suppress(BaseException):
                    await asyncio.open_connection("llm.example.com", 9)

            asyncio.run(agent())

        @pytest.mark.vcr
        def test_allowed(profiler):
            with socket.socket() as sock:
                sock.setblocking(False)
                sock.connect_ex(("192.0.2.2", 9))
    """)
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "a connection to 192.0.2.1 was refused at *.py:7: a replay never reaches the network, *",
            "a connection to llm.example.com was refused at *.py:13: a replay never reaches the network, *",
        ]
    )
