"""Each SDK in each way to call it: live, recorded and replayed the same numbers, the same tool calls, the same text."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from server.provider import Answer, FakeProvider, Hit, Tool, echo

SDKS = Path(__file__).parent / "sdks"
TOOLS = (Tool(name="weather", arguments={"city": "Paris"}), Tool(name="weather", arguments={"city": "Rome"}))
WAYS = {
    "openai": [
        f"{api}_{way}"
        for api in ("chat", "responses")
        for way in ("whole", "streamed", "async_whole", "async_streamed", "threads")
    ],
    "anthropic": [f"messages_{way}" for way in ("whole", "streamed", "async_whole", "async_streamed", "threads")],
}
INSTALLED = [pytest.param(sdk, marks=pytest.mark.skipif(not find_spec(sdk), reason=f"no {sdk}")) for sdk in WAYS]
RECORD = "--vcr-record" if find_spec("pytest_vcr") else "--agentperf-record"


def answer(hit: Hit) -> Answer:
    """What the agents ask for by their prompts."""
    prompt = hit.prompt
    if prompt == "use tools":
        numbers = {"input_tokens": 300, "output_tokens": 50, "cached_tokens": 128, "reasoning_tokens": 16}
        return Answer(text="I look at both.", tools=TOOLS, **numbers)
    if prompt == "take your time":
        return Answer(text="one two three four", headers_after_ms=20, first_byte_after_ms=40, event_gap_ms=5)
    return echo(hit)


@pytest.fixture
def run(pytester, monkeypatch):
    """`run(sdk, provider, *options)`: a session of pytest over the agents of one SDK; what its tests noted, by test."""
    pytester.makeini("""
        [pytest]
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = function
        pythonpath = .
        filterwarnings =
            error
            ignore:The model '.*' is deprecated:DeprecationWarning
    """)

    def run(sdk, provider, *options, cassettes=False):
        shutil.copy(SDKS / f"{sdk}_agent.py", pytester.path / "test_agent.py")
        shutil.copy(SDKS / "notes.py", pytester.path / "conftest.py")
        notes = Path(tempfile.mkdtemp(dir=pytester.path))
        monkeypatch.setenv("PROVIDER_URL", provider.url)
        monkeypatch.setenv("NOTES", str(notes))
        if cassettes:
            monkeypatch.setenv("CASSETTES", "1")
        result = pytester.runpytest_subprocess("-q", *options)
        assert result.ret == 0
        return {path.stem.removeprefix("test_"): json.loads(path.read_text()) for path in notes.iterdir()}

    return run


@pytest.mark.parametrize("sdk", INSTALLED)
def test_live_recorded_and_replayed_are_the_same(sdk, run):
    with FakeProvider(answer) as provider:
        live = run(sdk, provider, "-k", "not ttft")
        recorded = run(sdk, provider, f"{RECORD}=once", "-k", "not ttft", cassettes=True)
        sent = len(provider.hits)
    replayed = run(sdk, provider, f"{RECORD}=none", "-k", "not ttft", cassettes=True)  # nobody listens any more

    assert sorted(live) == sorted(WAYS[sdk])
    for way, numbers in live.items():
        (check_threads if way.endswith("threads") else check_one_call)(sdk, way, numbers)
    assert recorded == live
    assert replayed == live
    assert sent == 2 * sum(numbers["llm_calls"] for numbers in live.values())


def check_one_call(sdk, way, numbers):
    assert numbers["llm_calls"] == 1
    assert numbers["tokens"] == [300, 50, 350]
    assert numbers["parts"] == [128, 0 if sdk == "anthropic" else 16]
    assert numbers["text"] == ["I look at both."]
    assert numbers["tool_calls"] == 2
    assert numbers["asked"] == numbers["tools"] == ['weather {"city": "Paris"}', 'weather {"city": "Rome"}']
    assert numbers["streamed"] == [way.endswith("streamed")]


def check_threads(sdk, way, numbers):
    prompts = [f"city {number}" for number in range(16)]
    letters = sum(map(len, prompts))
    assert numbers["llm_calls"] == 16
    assert numbers["text"] == sorted(f"You said: {prompt}" for prompt in prompts)
    assert numbers["tokens"] == [1600 + letters, 160 + letters, 1760 + 2 * letters]


@pytest.mark.parametrize("sdk", INSTALLED)
def test_live_ttft_is_what_the_client_sees(sdk, run):
    with FakeProvider(answer) as provider:
        noted = run(sdk, provider, "-k", "ttft")
    for pairs in noted.values():
        assert all(measured > 55_000_000 for _, measured in pairs)
        # The median: a machine under load may take the processor away between the two readings of any one call.
        assert abs(statistics.median(seen - measured for seen, measured in pairs)) < 10_000_000
