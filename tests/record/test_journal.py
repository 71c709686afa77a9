"""A recording outlives its process, and one cassette has one writer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
import yaml

from pytest_agentperf.record import journal
from pytest_agentperf.record.cassette import CassetteError
from pytest_agentperf.record.mode import RecordMode
from server.provider import Answer, echo

PATH = "/v1/chat/completions"
KEY = "sk-proj-" + "A1b2" * 8

RECORDER = """
import os, signal, sys
import httpx2
from pytest_agentperf.record.cassette import use_cassette

url, path, how, mode, *prompts = sys.argv[1:]

def ask(prompt):
    return httpx2.post(url, json={"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]})

with use_cassette(path, record_mode=mode, vcr_config={"filter_sensitive_data": {"<NAME>": "Alice"}}):
    for prompt in prompts:
        ask(prompt)
    last = {"model": "gpt-4o", "messages": [{"role": "user", "content": "cut"}], "stream": True}
    with httpx2.stream("POST", url, json=last) as response:
        next(chunks := response.iter_raw())
        os.kill(os.getpid(), getattr(signal, how))
"""


@pytest.fixture
def ask(provider):
    httpx = pytest.importorskip("httpx2")

    def ask(prompt="hi"):
        json = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
        return httpx.post(provider.url + PATH, json=json)

    return ask


@pytest.fixture
def killed(provider, tmp_path):
    """A process that records `prompts` and dies while the next answer comes in."""

    slow = Answer(text="Hello.", pieces=3, event_gap_ms=300)
    provider.reply = lambda hit: slow if hit.json.get("stream") else echo(hit)

    def run(how, *prompts, mode="once"):
        command = [
            sys.executable,
            "-c",
            RECORDER,
            provider.url + PATH,
            str(tmp_path / "tape.yaml"),
            how,
            mode,
            *prompts,
        ]
        assert subprocess.run(command, check=False, timeout=60).returncode == -getattr(signal, how)

    return run


def prompts(tmp_path):
    interactions = yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]
    return [json.loads(item["request"]["body"])["messages"][-1]["content"] for item in interactions]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


CONFIG = {"filter_sensitive_data": {"<NAME>": "Alice"}}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_killed_recording_is_in_the_file_after_the_next_open(
    ask, killed, provider, cassette, recorder, tmp_path, how
):
    killed(how, "I am Alice", "b", "c")
    assert names(tmp_path) == [".tape.yaml.journal"]
    assert "Alice" not in (tmp_path / ".tape.yaml.journal").read_text("utf-8")  # redacted as the cassette will be
    assert len(provider.hits) == 4
    with cassette("none", **CONFIG):
        for prompt in ("I am Alice", "b", "c"):
            ask(prompt)
    assert len(provider.hits) == 4
    assert names(tmp_path) == ["tape.yaml"]
    assert prompts(tmp_path) == ["I am <NAME>", "b", "c"]
    (note,) = recorder.recording().notes
    assert "tape.yaml: 3 exchanges recovered of a recording that was cut (process " in note


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_once_goes_on_where_it_was_cut(ask, killed, provider, cassette, tmp_path):
    killed("SIGKILL", "a", "b")
    killed("SIGKILL", "a", "b", "c")
    assert len(provider.hits) == 3 + 2
    with cassette("once", **CONFIG):
        for prompt in ("a", "b", "c", "d"):
            ask(prompt)
    assert len(provider.hits) == 3 + 2 + 1
    assert prompts(tmp_path) == ["a", "b", "c", "d"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_what_was_recorded_anew_takes_the_place_of_the_old(ask, killed, provider, cassette, tmp_path):
    provider.script(Answer(text="old a"), Answer(text="old b"), Answer(text="new a"))
    with cassette("once"):
        ask("a"), ask("b")
    killed("SIGKILL", "a", mode="all")
    with cassette("none"):
        assert "old b" in ask("b").text
        assert "new a" in ask("a").text
    assert sorted(prompts(tmp_path)) == ["a", "b"]


def test_nothing_of_it_stays_after_a_clean_end(ask, cassette, tmp_path):
    for mode in ("none", "once", "new", "all"):
        with cassette(mode, "deep/er/unused"):
            assert names(tmp_path) == ([] if mode == "none" else ["deep"])
        assert names(tmp_path) == []
    with pytest.raises(KeyError), cassette("once", record_on_exception=False):
        ask()
        raise KeyError
    assert names(tmp_path) == []
    with cassette("once"):
        ask()
        assert names(tmp_path) == [".tape.yaml.journal"]
    assert names(tmp_path) == ["tape.yaml"]
    with cassette("once"):
        assert names(tmp_path) == ["tape.yaml"]


def test_a_secret_is_in_no_journal(ask, cassette, tmp_path):
    with pytest.raises(CassetteError, match="it would hold a secret"), cassette("once"):
        ask("harmless")
        ask(KEY)
        text = (tmp_path / ".tape.yaml.journal").read_text("utf-8")
        assert text.count("serial") == 1
        assert KEY not in text


def test_a_second_writer_in_this_process_is_refused(ask, cassette, tmp_path):
    with cassette("new"):
        ask("a")
        with pytest.raises(CassetteError, match="recorded in this process already"):
            cassette("new").__enter__()
        with cassette("none"):
            pass  # reading is nobody's loss
    assert prompts(tmp_path) == ["a"]


def test_a_second_writer_elsewhere_waits_and_loses_nothing(ask, provider, cassette, tmp_path, monkeypatch):
    """The other process is played by a lock of its own, for which this one cannot tell."""
    path = str(tmp_path / "tape.yaml")
    other = journal.claim(path)
    monkeypatch.setattr(journal, "_me", lambda: {"pid": 1, "worker": "gw7"})
    other.begin(RecordMode.NEW)
    monkeypatch.setattr(journal, "PATIENCE_S", 0.1)
    with pytest.raises(CassetteError, match=r"tape\.yaml: process 1 \(xdist worker gw7\) has been recording it"):
        cassette("new").__enter__()
    monkeypatch.setattr(journal, "PATIENCE_S", 60)
    waiting = threading.Timer(0.1, other.close)
    waiting.start()
    with cassette("new"):
        ask("a")
    waiting.join()
    assert prompts(tmp_path) == ["a"]
    assert names(tmp_path) == ["tape.yaml"]


@pytest.mark.parametrize(("tests", "workers"), [(8, 2), pytest.param(40, 4, marks=pytest.mark.soak)])
def test_workers_that_record_into_one_file_lose_nothing(pytester, provider, tests, workers):
    """vcrpy keeps a quarter of it and says nothing."""
    pytester.makepyfile(
        f"""
        import httpx2, pytest

        client = httpx2.Client()

        @pytest.mark.vcr
        @pytest.mark.default_cassette("shared.yaml")
        @pytest.mark.parametrize("number", range({tests}))
        def test_agent(number):
            for turn in range(5):
                client.post("{provider.url}{PATH}", json={{"model": "m", "messages": [{{"role": "user", "content": f"{{number}}-{{turn}}"}}]}})
        """
    )
    result = pytester.runpytest_subprocess(f"-n{workers}", "-p", "no:randomly", "--agentperf-record=new", timeout=120)
    result.assert_outcomes(passed=tests)
    folder = next(pytester.path.glob("cassettes/*"))
    assert names(folder) == ["shared.yaml"]
    interactions = yaml.safe_load((folder / "shared.yaml").read_text("utf-8"))["interactions"]
    asked = sorted(json.loads(item["request"]["body"])["messages"][0]["content"] for item in interactions)
    assert asked == sorted(f"{number}-{turn}" for number in range(tests) for turn in range(5))


def test_lines_that_were_cut_are_left_out(tmp_path):
    path = str(tmp_path / "tape.yaml")
    for _ in range(2):
        first = journal.claim(path)
        first.begin(RecordMode.ONCE)
        for serial in (2, 1):
            first.add(serial, {"uri": f"u{serial}"}, {"body": {"string": b"\xff\x00"}})
        first.close(keep=True)
        with journal.place(path).open("ab") as file:
            file.write(b'{"serial": 9, "request": {"u')
    left = journal.left_behind(path)
    assert [item.request["uri"] for item in left.left] == ["u1", "u2", "u1", "u2"]
    assert left.left[0].response == {"body": {"string": b"\xff\x00"}}
    left.close()
    assert journal.left_behind(path) is None


def test_a_folder_that_cannot_be_written_is_no_matter_while_nothing_is_recorded(ask, cassette, tmp_path, monkeypatch):
    with cassette("once"):
        ask()

    def read_only(*_):
        raise PermissionError

    monkeypatch.setattr(os, "open", read_only)
    with cassette("new"):
        ask()


def test_a_long_name_has_a_journal_too(tmp_path):
    assert len(journal.place(str(tmp_path / ("x" * 250 + ".yaml"))).name) < 100
