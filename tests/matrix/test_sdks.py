"""Each SDK in each way to call it: live, recorded and replayed the same numbers, the same tool calls, the same text."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from server.provider import Answer, FakeProvider, Hit, Tool, echo

FILES = Path(__file__).parent / "sdks"
SDKS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google_genai": "google-genai",
    "mistralai": "mistralai",
    "cohere": "cohere",
    "ollama": "ollama",
    "amazon": "aiobotocore",
    "litellm": "litellm",
    "http": "requests",
}
"""Name of the agents -> distribution."""
TOOLS = (Tool(name="weather", arguments={"city": "Paris"}), Tool(name="weather", arguments={"city": "Rome"}))
PARTS = {"openai-chat": [128, 16], "openai-responses": [128, 16], "gemini": [128, 16], "ollama": [0, 0]}
"""API -> cached and reasoning tokens, for those that do not tell just the former."""

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
pythonpath = .
filterwarnings =
    error
"""
LEFT_ALONE = {
    "anthropic": ["ignore:The model '.*' is deprecated:DeprecationWarning"],
    "google_genai": ["ignore:Inheritance class AiohttpClientSession from ClientSession:DeprecationWarning"],
    "litellm": [
        "ignore:Item '.*' on TypedDict class:UserWarning:pydantic",
        "ignore:Accessing the 'model_.*' attribute on the instance:DeprecationWarning",
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ],
}
"""Warnings of the SDKs' own making, with and without this plugin."""
NO_OTHERS = ("-p", "no:recording", "-p", "no:vcr")
PLUGINS = {
    "ours": {
        "always": ("--agentperf", *NO_OTHERS),
        "record": ("--agentperf-record=once",),
    },
    "pytest-recording": {"always": ("--agentperf", "-p", "no:vcr"), "record": ("--record-mode=once",)},
    "pytest-vcr": {
        "always": ("--agentperf", "-p", "no:recording"),
        "record": ("--vcr-record=once",),
        "replay": ("--vcr-record=none",),
    },
    "plain vcrpy": {"always": ("-p", "no:agentperf", *NO_OTHERS)},
    "plain pytest-recording": {
        "always": ("-p", "no:agentperf", "-p", "no:vcr"),
        "record": ("--record-mode=once",),
        "replay": ("--record-mode=none", "--block-network"),
    },
}
"""Whose `vcr` marker it is, with this project's plugin beside it or without -> the options."""
WATCHED = ("ours", "pytest-recording", "pytest-vcr")
ONE_BY_ONE = ("-k", "whole or streamed")
"""Under vcrpy alone threads lose requests and get the answers of others, and no stream begins before it has ended."""
CANNOT_RECORD = {"urllib3_chunks": "the answers of vcrpy's stub have no `read_chunked`"}
CANNOT_REPLAY = CANNOT_RECORD | {
    "content_aiohttp": "vcrpy takes the method as the client spells it: `post`; on the wire it is `POST`",
    "aiohttp_base_url": "vcrpy takes the address without the session's `base_url`, and `json=` as no text",
}
"""Agent -> why vcrpy alone cannot."""


def installed(distribution):
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


each_sdk = pytest.mark.parametrize(
    "sdk",
    [pytest.param(sdk, marks=[] if installed(name) else pytest.mark.skip(f"no {name}")) for sdk, name in SDKS.items()],
)


class Replies:
    """What the agents ask for by their prompts."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, hit: Hit) -> Answer:
        if hit.path == "/release":
            self.released.set()
            return Answer(raw=b"")
        if hit.prompt == "use tools":
            numbers = {"input_tokens": 300, "output_tokens": 50, "cached_tokens": 128, "reasoning_tokens": 16}
            return Answer(text="I look at both.", tools=TOOLS, **numbers)
        if hit.prompt == "wait for me":
            self.released = threading.Event()
            return Answer(text="one two three", headers_after_ms=20, first_byte_after_ms=40, end_after=self.released)
        return echo(hit)


@pytest.fixture
def run(pytester, monkeypatch):
    """`run(sdk, provider, mode, plugins, *options)`: a session of pytest over the agents of one SDK; what they noted, by test.

    `mode` is `live`, `record` or `replay`; `plugins` one of PLUGINS.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(FILES / "ways.py", pytester.path / "test_agent.py")
    shutil.copy(FILES / "notes.py", pytester.path / "conftest.py")

    def run(sdk, provider, mode, plugins="ours", *options):
        pytester.makeini(INI + "".join(f"    {line}\n" for line in LEFT_ALONE.get(sdk, ())))
        shutil.copy(FILES / f"{sdk}_agents.py", pytester.path / "agents.py")
        notes = Path(tempfile.mkdtemp(dir=pytester.path))
        told = {"PROVIDER_URL": provider.url, "NOTES": str(notes), "MODE": mode, "WITH": plugins}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        if mode == "record":
            shutil.rmtree(pytester.path / "cassettes", ignore_errors=True)
        chosen = PLUGINS[plugins]
        options = ("-q", "-p", "no:randomly", *chosen["always"], *chosen.get(mode, ()), *options)
        result = pytester.runpytest_subprocess(*options, timeout=300)
        assert result.ret == 0 or plugins not in WATCHED
        return {path.stem: json.loads(path.read_text()) for path in notes.iterdir()}

    return run


@each_sdk
def test_live_recorded_and_replayed_are_the_same(sdk, run):
    with FakeProvider(Replies()) as provider:
        live = same(run(sdk, provider, "live"))
        for way, numbers in live.items():
            check(way, numbers)
        for plugins in WATCHED if sdk == "http" else WATCHED[:1]:
            before = calls_in(provider)
            recorded = run(sdk, provider, "record", plugins)
            sent = calls_in(provider)
            replayed = run(sdk, provider, "replay", plugins)
            assert same(recorded) == live
            assert same(replayed) == live
            assert sent - before == sum(numbers["llm_calls"] for numbers in live.values())
            assert calls_in(provider) == sent
            check_ttft(recorded, replayed)


@each_sdk
def test_others_replay_our_cassettes_and_we_theirs(sdk, run):
    with FakeProvider(Replies()) as provider:
        ours = told(run(sdk, provider, "record", "ours", *ONE_BY_ONE))
        sent = calls_in(provider)
        for player in ("plain vcrpy", "plain pytest-recording"):
            replayed = told(run(sdk, provider, "replay", player, *ONE_BY_ONE))
            assert replayed == {way: answer for way, answer in ours.items() if agent(way) not in CANNOT_REPLAY}
        assert calls_in(provider) == sent

        theirs = told(run(sdk, provider, "record", "plain vcrpy", *ONE_BY_ONE))
        sent = calls_in(provider)
        assert theirs == {way: answer for way, answer in ours.items() if agent(way) not in CANNOT_RECORD}
        assert told(run(sdk, provider, "replay", "ours", *ONE_BY_ONE)) == ours
        assert calls_in(provider) == sent


def same(notes):
    return {way: noted["same"] for way, noted in notes.items()}


def told(notes):
    """What the SDK gave to the agent, without the numbers that nobody counts where the plugin is not."""
    return {way: (noted["text"], noted["tools"]) for way, noted in same(notes).items()}


def agent(way):
    return way.partition("[")[2].rstrip("]")


def calls_in(provider):
    return sum(hit.path != "/release" for hit in provider.hits)


def check_ttft(recorded, replayed):
    """What was measured is before what the client saw, and what is replayed is what was measured."""
    for way, noted in recorded.items():
        if "ttft" in way:
            assert 55_000_000 < noted["times"]["measured_ns"] < noted["times"]["seen_ns"]
            assert abs(replayed[way]["times"]["measured_ns"] - noted["times"]["measured_ns"]) < 1_000_000


def check(way, numbers):
    kind = way.partition("[")[0]
    (check_many if kind in ("threads", "tasks") else check_one)(numbers, streamed="whole" not in kind)


def check_one(numbers, *, streamed):
    assert numbers["errors"] == []
    assert numbers["streamed"] == [streamed]
    if numbers["text"] == ["one two three"]:
        return
    ((api, *_),) = numbers["answers"]
    assert numbers["llm_calls"] == 1
    assert numbers["tokens"] == [300, 50, 350]
    assert numbers["parts"] == PARTS.get(api, [128, 0])
    assert numbers["text"] == ["I look at both."]
    assert numbers["tool_calls"] == 2
    assert numbers["asked"] == numbers["tools"] == ['weather {"city": "Paris"}', 'weather {"city": "Rome"}']


def check_many(numbers, *, streamed):
    prompts = [f"city {number}" for number in range(16)]
    letters = sum(map(len, prompts))
    assert numbers["errors"] == []
    assert numbers["llm_calls"] == 16
    assert numbers["streamed"] == 8 * [False] + 8 * [True]
    assert numbers["text"] == sorted(f"You said: {prompt}" for prompt in prompts)
    assert numbers["tokens"] == [1600 + letters, 160 + letters, 1760 + 2 * letters]
