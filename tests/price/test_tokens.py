"""Counting tokens where the wire does not say."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha1, sha256
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentperf.model.call import Message, ModelCall, Prompt, ToolCall
from pytest_agentperf.model.recording import Reading
from pytest_agentperf.model.usage import Usage
from pytest_agentperf.price import tokens
from pytest_agentperf.price.tokens import by_rule, count_tokens, estimate

HELLO = "Tell me a joke about OpenTelemetry, please! It should be short."


@pytest.fixture(autouse=True)
def _no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing that lies on this machine is found, and no socket opens."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tokens, "_CARRIERS", ())
    monkeypatch.setattr(socket.socket, "connect", refuse)
    tokens._counter.cache_clear()
    yield
    tokens._counter.cache_clear()


def own_ranks(monkeypatch: pytest.MonkeyPatch, *merged: bytes) -> tuple[str, bytes]:
    """A small vocabulary in tiktoken's file format: every byte, and some pairs."""
    from base64 import b64encode

    vocabulary = [bytes([n]) for n in range(256)] + list(merged)
    data = b"".join(b64encode(token) + b" %d\n" % rank for rank, token in enumerate(vocabulary))
    ranks = tokens._O200K._replace(file=sha1(data).hexdigest(), sha256=sha256(data).hexdigest())
    monkeypatch.setattr(tokens, "_O200K", ranks)
    return ranks.file, data


def test_without_files_the_rule_counts() -> None:
    assert count_tokens(HELLO, "gpt-4o") == by_rule(HELLO) == 15
    assert count_tokens("", "gpt-4o") == 0


@pytest.mark.parametrize("place", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", "temp", "carrier"])
def test_rank_files_are_found(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, data = own_ranks(monkeypatch, b"he", b"ll", b"hell", b"hello")
    folder = tmp_path / "data-gym-cache" if place == "temp" else tmp_path / "elsewhere"
    folder.mkdir()
    (folder / file).write_bytes(data)
    if place == "carrier":
        found = SimpleNamespace(name=file, locate=lambda: folder / file)
        monkeypatch.setattr(tokens, "_CARRIERS", ("no-such-distribution", "pytest"))
        real = metadata.files
        monkeypatch.setattr(metadata, "files", lambda name: [found] if name == "pytest" else real(name))
    elif place != "temp":
        monkeypatch.setenv(place, str(folder))
    assert count_tokens("hello", "gpt-4o") == 1
    assert count_tokens("hell o", "gpt-4o") == 3
    assert count_tokens("<|endoftext|>", "gpt-4o") == len("<|endoftext|>")


def test_a_damaged_file_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, data = own_ranks(monkeypatch, b"he")
    (tmp_path / file).write_bytes(data[:-1])
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert count_tokens(HELLO, "gpt-4o") == by_rule(HELLO)


def test_without_tiktoken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, data = own_ranks(monkeypatch, b"he")
    (tmp_path / file).write_bytes(data)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    assert count_tokens(HELLO, "gpt-4o") == by_rule(HELLO)


@pytest.mark.parametrize(
    ("model", "file"),
    [
        ("gpt-3.5-turbo-0125", tokens._CL100K.file),
        ("gpt-35-turbo", tokens._CL100K.file),
        ("gpt-4-0613", tokens._CL100K.file),
        ("gpt-4", tokens._CL100K.file),
        ("gpt-4-turbo", tokens._CL100K.file),
        ("text-embedding-3-small", tokens._CL100K.file),
        ("gpt-4o-mini", tokens._O200K.file),
        ("gpt-4.1", tokens._O200K.file),
        ("gpt-4.5-preview", tokens._O200K.file),
        ("o3", tokens._O200K.file),
        ("claude-sonnet-4-5", tokens._O200K.file),
    ],
)
def test_vocabulary_of_a_model(model: str, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def places(name: str) -> list[Path]:
        asked.append(name)
        return []

    monkeypatch.setattr(tokens, "_places", places)
    count_tokens("x", model)
    assert asked == [file]


@pytest.mark.parametrize(
    ("model", "factor"),
    [
        ("claude-3-5-sonnet-20241022", 1.15),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 1.15),
        ("claude-opus-4-7", 1.47),
        ("claude-sonnet-5", 1.47),
        ("gemini-2.5-flash", 1.06),
        ("meta-llama/Llama-3.3-70B", 1.06),
        ("mistral-small-latest", 1.13),
        ("mixtral-8x7b", 1.13),
        ("command-r", 1.17),
        ("grok-4", 0.98),
        ("gpt-4o", 1.0),
        ("nobody", 1.0),
    ],
)
def test_families_count_otherwise(model: str, factor: float) -> None:
    text = HELLO * 100
    assert count_tokens(text, model) == round(by_rule(text) * factor)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (
            "人工智能是计算机科学的一个分支。它企图了解智能的实质。并生产出一种新的能以人类智能相似的方式做出反应的智能机器。",
            40,
        ),
        (
            "人工知能とは、計算という概念とコンピュータという道具を用いて知能を研究する計算機科学の一分野を指す語です。",
            40,
        ),
        ("الذكاء الاصطناعي هو سلوك وخصائص معينة تتسم بها البرامج الحاسوبية تجعلها تحاكي القدرات الذهنية البشرية", 31),
        ("ปัญญาประดิษฐ์ คือ ปัญญาที่แสดงโดยเครื่องจักร ซึ่งแตกต่างจากปัญญาที่แสดงโดยมนุษย์", 34),
        ('{"location": "Seattle, WA", "unit": "celsius", "days": [1, 2, 3]}', 25),
        ("def foo(bar: int) -> str:\n    return f'{bar!r}'\n", 16),
        ("call_yhGyidjUReGGf2WQsn5XKimB resp_047f9036fb333784006a5fe9db456c819095d041b89bf6629e", 45),
    ],
)
def test_the_rule_is_about_right_where_a_quarter_of_the_characters_is_not(text: str, right: int) -> None:
    """Right is o200k's count."""
    assert abs(by_rule(text) - right) <= max(3, right * 0.2)


@given(st.text(), st.text())
def test_any_text_has_a_count(one: str, other: str) -> None:
    assert 0 <= count_tokens(one, "gpt-4o") <= 4 * len(one.encode("utf-8", "surrogatepass")) + 1
    assert by_rule(one + " " + other) <= by_rule(one) + by_rule(other) + 3


def test_long_runs_and_half_characters_do_no_harm() -> None:
    assert count_tokens("x" * 300_000, "gpt-4o") > 0
    assert count_tokens("\ud800", "claude-3") >= 0


def reading(**rest: object) -> Reading:
    prompt = Prompt(system_size=5, messages=(Message(role="user", digest="d", size=9),) * 2)
    call = ModelCall(index=0, provider="openai", api="openai-chat", model="gpt-4o", prompt=prompt)
    return Reading(call=call, prompt_text=HELLO, **rest)  # type: ignore[arg-type]


def test_estimate_counts_messages_and_answer() -> None:
    found = estimate(reading(answer_text=HELLO))
    assert found == Usage(input=15 + 3 * 4, output=15, estimated=True)


def test_estimate_of_a_call_that_is_not_answered_yet() -> None:
    assert estimate(reading()).output == 0


def test_estimate_of_tool_calls() -> None:
    from dataclasses import replace

    asked = reading()
    tool = ToolCall(id="c", name="get_weather", arguments='{"city": "Paris"}')
    with_tool = replace(asked, call=replace(asked.call, tool_calls=(tool,)))
    assert estimate(with_tool).output == by_rule(tool.name + tool.arguments) + 7


_CACHE = os.environ.get("TIKTOKEN_CACHE_DIR", "")


@pytest.mark.skipif(not _CACHE, reason="no rank files (TIKTOKEN_CACHE_DIR)")
def test_equals_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """tiktoken's own published vectors; runs where somebody has the files."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", _CACHE)
    assert count_tokens("rer", "gpt-4") == 1
    assert count_tokens("hello world", "gpt-4o") == 2
