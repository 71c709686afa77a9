"""The contract with each library's inside, and what happens where a library does not keep it."""

from __future__ import annotations

import asyncio
import importlib
import json
import urllib.request

import pytest

from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.taps.live import installed
from pytest_agentperf.record.taps.table import TAPS

PATH = "/v1/chat/completions"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def by_httpx(module, url):
    return module.post(url + PATH, json=BODY).text


def by_urllib3(module, url):
    with module.PoolManager() as pool:
        return pool.request("POST", url + PATH, json=BODY).data.decode()


def by_aiohttp(module, url):
    async def ask():
        async with module.ClientSession() as session, session.post(url + PATH, data=json.dumps(BODY)) as answer:
            return await answer.text()

    return asyncio.run(ask())


def by_http_client(module, url):
    with urllib.request.urlopen(url + PATH, data=json.dumps(BODY).encode()) as answer:
        return answer.read().decode()


STACKS = {
    "httpx": (by_httpx, "Headers.raw"),
    "httpx2": (by_httpx, "Headers.raw"),
    "urllib3": (by_urllib3, "HTTPConnectionPool._get_timeout"),
    "aiohttp": (by_aiohttp, "Payload.as_bytes"),
    "http.client": (by_http_client, "HTTPConnection.putrequest"),
}
"""How to ask, and something that the tap relies on and vcrpy's stub does not, when a cassette is opened."""


def taken_from(monkeypatch, module, path):
    name, attribute = path.split(".")
    monkeypatch.delattr(getattr(module, name), attribute)


@pytest.mark.parametrize("tap", TAPS, ids=lambda tap: f"{tap.module}-{'tap' if tap.stubs else 'onlooker'}")
def test_what_a_tap_relies_on_is_there(tap):
    assert tap.missing(pytest.importorskip(tap.module)) == ""


def test_every_stack_is_here():
    assert set(STACKS) == {tap.module for tap in TAPS if tap.stubs}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_that_changed_inside_is_left_to_vcrpy_and_that_is_noted(name, provider, cassette, monkeypatch):
    module = pytest.importorskip(name)
    ask, path = STACKS[name]
    (tap,) = (tap for tap in TAPS if tap.module == name and tap.stubs)
    for owner, attribute, function in tap.patches(module):
        monkeypatch.setattr(
            owner, attribute, function.agentperf_real
        )  # what an earlier test left, which passes on only
    with Recorder() as recorder:
        for mode in ("once", "none"):
            opened = cassette(mode)
            with monkeypatch.context() as changed:
                taken_from(changed, module, path)
                opened.__enter__()
            try:
                assert "You said: hi" in ask(module, provider.url)
            finally:
                opened.__exit__(None, None, None)
    assert len(provider.hits) == 1
    (note,) = recorder.recording().notes
    assert note.startswith(f"{name} ")
    assert f" has no {path}" in note
    assert "its times are off" in note


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_that_changed_inside_is_told_without_a_cassette_too(name, monkeypatch):
    module = pytest.importorskip(name)
    with monkeypatch.context() as changed:
        taken_from(changed, module, STACKS[name][1])
        with installed() as problems:
            assert [problem.partition(" ")[0] for problem in problems] == [name]
    with installed() as problems:
        assert not problems


def test_a_parameter_that_is_gone_is_named(monkeypatch):
    aiohttp = pytest.importorskip("aiohttp")
    (tap,) = (tap for tap in TAPS if tap.module == "aiohttp")
    monkeypatch.setattr(aiohttp.StreamReader, "feed_data", lambda self, chunk: None)
    assert tap.missing(aiohttp) == "StreamReader.feed_data(data)"


def test_the_summary_tells_it(pytester, monkeypatch):
    pytester.makepyfile("""
        import httpx2

        def test_it(profiler):
            pass
    """)
    httpx2 = importlib.import_module("httpx2")
    taken_from(monkeypatch, httpx2, "Headers.raw")
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["agentperf: httpx2 * has no Headers.raw: *"])
