"""`pytest-agentperf inspect`: numbers of cassettes that nobody has a test for."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from inline_snapshot import snapshot

from pytest_agentperf.cli import main

URL = "https://api.openai.com/v1/chat/completions"
WEATHER = {"type": "function", "function": {"name": "weather", "arguments": "{}"}}


def call(messages, answer, **headers):
    usage = {
        "prompt_tokens": 1000 * len(messages),
        "completion_tokens": 100,
        "total_tokens": 1000 * len(messages) + 100,
    }
    told = {"object": "chat.completion", "model": "gpt-4o", "choices": [{"message": answer}], "usage": usage}
    asked = json.dumps({"model": "gpt-4o", "messages": messages})
    return {
        "request": {"method": "POST", "uri": URL, "headers": {}, "body": asked},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {name.replace("_", "-"): [value] for name, value in headers.items()},
            "body": {"string": json.dumps(told)},
        },
    }


USER = {"role": "user", "content": "Rain?"}
ASKS = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", **WEATHER}]}
TELLS = {"role": "tool", "tool_call_id": "c1", "content": "no"}
SAYS = {"role": "assistant", "content": "No."}
LOOP = [
    call([USER], ASKS, openai_processing_ms="300"),
    call([USER, ASKS, TELLS], SAYS, openai_processing_ms="700"),
]


def write(path: Path, *interactions, **rest) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"interactions": list(interactions), "version": 1, **rest}))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "tapes/loop.yaml", *LOOP)
    write(tmp_path / "tapes/old/one.yml", call([USER], SAYS))
    write(tmp_path / "tapes/nothing.yaml")
    (tmp_path / "tapes/compose.yaml").write_text("services: {}\n")
    (tmp_path / "tapes/notes.txt").write_text("not looked at\n")
    return tmp_path


def test_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "tapes", "--width=110"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "\n" + output.out == snapshot("""\

==================== agentperf: 2 cassettes, 3 LLM calls, time as stated by the provider =====================
                   LLM          tool   input  cached  output  reasoning     cost  LLM time  ttft
                 calls  turns  calls  tokens  tokens  tokens     tokens      USD        ms    ms
tapes/
loop.yaml            2      2      1   4,000       0     200          0  $0.012      1,000   700
tapes/old/
one.yml              1      1      0   1,000       0     100          0  $0.0035         ?     ?
all 2 cassettes      3      3      1   5,000       0     300          0  $0.016     >1,000
1 cassette without LLM calls not listed
? LLM time, ttft: 1 of 1 LLM calls came without timing: the cassette holds none and the provider stated none
> at least: the cassettes with ? are not in it
""")


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "tapes/loop.yaml", "tapes/old", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "pytest-agentperf cassettes"
    assert document["totals"]["cassettes"] == 2
    assert document["totals"]["input_tokens"]["value"] == 5000
    assert document["totals"]["llm_time"]["unknown_cassettes"] == 1
    loop, one = document["cassettes"]
    assert (loop["path"], loop["time"], one["path"], one["time"]) == (
        "tapes/loop.yaml",
        "stated",
        "tapes/old/one.yml",
        "",
    )
    assert {name: measure["value"] for name, measure in loop["metrics"].items()} == snapshot(
        {
            "ttft": 700,
            "llm_time": 1000,
            "sequential_loss": 0,
            "tokens": 4200,
            "input_tokens": 4000,
            "output_tokens": 200,
            "cache_read_tokens": 0,
            "reasoning_tokens": 0,
            "cost": 0.012,
            "llm_calls": 2,
            "turns": 2,
            "tool_calls": 1,
            "retries": 0,
            "request_bytes": 341,
            "response_bytes": 495,
        }
    )
    assert [tool["name"] for call in loop["calls"] for tool in call.get("tool_calls", [])] == ["weather"]
    assert document["problems"] == []


def test_a_bad_file_is_told_and_does_not_end_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tapes/cut.yaml").write_text("interactions:\n- request:\n    uri: 'htt")
    assert main(["inspect", "tapes", "gone.yaml", "--json"]) == 2
    output = capsys.readouterr()
    first, second = output.err.splitlines()
    assert first.startswith("pytest-agentperf: tapes/cut.yaml: it cannot be parsed (ScannerError")
    assert second == "pytest-agentperf: gone.yaml: No such file or directory"
    document = json.loads(output.out)
    assert [problem["path"] for problem in document["problems"]] == ["tapes/cut.yaml", "gone.yaml"]
    assert len(document["cassettes"]) == 3


def test_what_is_no_cassette_is_told_where_it_was_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "tapes/compose.yaml"]) == 2
    output = capsys.readouterr()
    assert output.err == "pytest-agentperf: tapes/compose.yaml: it holds no list of interactions\n"
    assert output.out == ""


def test_own_prices(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "agentperf.yaml").write_text("prices: {gpt-4o: {input: 1000, output: 0}}\n")
    (folder / "other.yaml").write_text("prices: {gpt-4o: {input: 2000, output: 0}}\n")
    for arguments, usd in ([], 4), (["--prices", "other.yaml"], 8):
        assert main(["inspect", "tapes/loop.yaml", "--json", *arguments]) == 0
        costs = [call["cost"] for call in json.loads(capsys.readouterr().out)["cassettes"][0]["calls"]]
        assert sum(Decimal(cost["usd"]) for cost in costs) == usd
    assert main(["inspect", "tapes", "--prices", "gone.yaml"]) == 2
    assert capsys.readouterr().err.startswith("pytest-agentperf: gone.yaml: cannot be read")

    (folder / "pytest.ini").write_text("[pytest]\nagentperf_prices = {gpt-4o: {input: 500, output: 0}}\n")
    monkeypatch.chdir(folder / "tapes")
    assert main(["inspect", "loop.yaml", "--json"]) == 0
    costs = [call["cost"] for call in json.loads(capsys.readouterr().out)["cassettes"][0]["calls"]]
    assert sum(Decimal(cost["usd"]) for cost in costs) == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_on_a_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    times = iter(range(1000))
    monkeypatch.setattr("pytest_agentperf.cli.time", SimpleNamespace(monotonic=lambda: next(times)))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert main(["inspect", "tapes", "--json"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("\rread 0 of 4 files\x1b[K") == terminal
    assert told.endswith("\r\x1b[K") == terminal
