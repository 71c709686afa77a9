"""Files that are damaged, secrets that must not get into one, and writes that happen in full or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import vcr
import yaml

from pytest_agentperf.record.cassette import CassetteError, upgrade, use_cassette
from server.provider import Answer

PATH = "/v1/chat/completions"
KEY = "sk-proj-" + "A1b2" * 8


@pytest.fixture
def ask(provider):
    httpx = pytest.importorskip("httpx2")

    def ask(prompt="hi", query="", **kwargs):
        json = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
        return httpx.post(provider.url + PATH + query, json=json, **kwargs)

    return ask


def file(**response):
    asked = {"method": "GET", "uri": "https://example.com/", "body": None, "headers": {}}
    told = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "x"}, **response}
    return yaml.safe_dump({"interactions": [{"request": asked, "response": told}], "version": 1}).encode()


GOOD = file()
DAMAGE = {
    "empty": (b"", "it is empty"),
    "blank": (b" \n\n", "it is empty"),
    "truncated in the middle": (GOOD[:60], "interrupted"),
    "truncated between the lines": (GOOD[: GOOD.index(b"version:")], "its end is missing"),
    "conflict": (b"<<<<<<< HEAD\n" + GOOD + b"=======\n>>>>>>> branch\n", "line 1 is a conflict marker"),
    "not text": (b"\xff\xfe\x00" + GOOD, "not UTF-8"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "Git LFS"),
    "something else": (b"a: 1\nversion: 1\n", "no list of interactions"),
    "a damaged number": (
        file(agentperf={"version": 1, "end": "soon"}),
        "interaction 1 (GET https://example.com/): response.agentperf.end: expected milliseconds, got 'soon'",
    ),
    "a damaged status": (file(status={"code": 2000}), "has no such status as 2000"),
    "odd interactions": (b"interactions:\n- 5\nversion: 1\n", "interaction 1 is no request with a response"),
}


@pytest.mark.parametrize("mode", ["none", "once", "new", "all"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_and_left_as_it_is(ask, cassette, tmp_path, damage, mode):
    content, reason = DAMAGE[damage]
    path = tmp_path / "tape.yaml"
    path.write_bytes(content)
    with pytest.raises(CassetteError) as caught, cassette(mode):
        ask()
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "--agentperf-record=once" in str(caught.value)
    assert path.read_bytes() == content


def test_damage_is_told_for_pytest_recordings_persister_too(tmp_path):
    persisters = pytest.importorskip("pytest_recording._vcr")
    theirs = vcr.VCR()
    theirs.register_persister(persisters.CombinedPersister([str(tmp_path / "extra.yaml")]))
    upgrade(theirs)
    (tmp_path / "extra.yaml").write_text("")
    with pytest.raises(CassetteError, match=r"tape\.yaml or .*extra\.yaml: it is empty"):
        theirs.use_cassette(str(tmp_path / "tape.yaml")).__enter__()


def test_json_cassettes(ask, cassette, tmp_path, provider):
    with cassette("once", serializer="json"):
        seen = ask().content
    with cassette("none", serializer="json"):
        assert ask().content == seen
    path = tmp_path / "tape.json"
    path.write_text(path.read_text("utf-8")[:-20], "utf-8")
    with pytest.raises(CassetteError, match="cannot be parsed"):
        cassette("none", serializer="json").__enter__()


def test_parsed_bodies_of_pydantic_ai(cassette, tmp_path):
    httpx = pytest.importorskip("httpx2")
    request = {"method": "POST", "uri": "https://api.example.com/x", "headers": {}, "parsed_body": {"a": [1, "é"]}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "parsed_body": {"b": None}}
    cassette_ = {"interactions": [{"request": request, "response": response}], "version": 1}
    (tmp_path / "tape.yaml").write_text(yaml.safe_dump(cassette_), "utf-8")
    with cassette("none"):
        assert httpx.post("https://api.example.com/x", json={"a": [1, "é"]}).json() == {"b": None}


def test_headers_are_stored_by_an_allow_list_and_urls_without_keys(ask, cassette, tmp_path, provider):
    provider.reply = Answer(
        text="x", headers=(("set-cookie", "session=1"), ("openai-organization", "acme"), ("x-trace", "1"))
    )
    query = f"?api_key={KEY}&q=1&access_token={KEY}"
    with cassette("once"):
        seen = ask(query=query, headers={"authorization": f"Bearer {KEY}", "x-own": "1"})
    text = (tmp_path / "tape.yaml").read_text("utf-8")
    assert KEY not in text
    (item,) = yaml.safe_load(text)["interactions"]
    assert item["request"]["uri"] == f"{provider.url}{PATH}?q=1"
    assert not {"authorization", "x-own", "host", "user-agent"} & set(item["request"]["headers"])
    assert not {"set-cookie", "openai-organization", "x-trace"} & set(item["response"]["headers"])
    assert {"content-type", "openai-processing-ms", "x-request-id"} <= set(item["response"]["headers"])
    with cassette("none"):
        assert ask(query=query.replace(KEY, "another")).content == seen.content


def test_secrets_by_name_are_taken_out_of_bodies(ask, cassette, tmp_path, provider):
    httpx = pytest.importorskip("httpx2")
    told = b'data: {"access_token": "abc", "signature": "kept", "usage": {"token": "kept"}}\n\n \xc3\xa9'
    provider.reply = Answer(raw=told, headers=(("location", "https://example.com/?api_key=abc&q=1"),))
    asked = {"model": "gpt-4o", "api_key": "abc", "messages": [], "tools": [{"password": {"type": "string"}}]}
    form = {"grant_type": "client_credentials", "client_secret": "abc"}

    def agent(secret):
        json = httpx.post(provider.url + PATH, json={**asked, "api_key": secret})
        return json, httpx.post(provider.url + PATH, data={**form, "client_secret": secret})

    with cassette("once"):
        assert agent("abc")[0].content == told  # the agent sees what came
    text = (tmp_path / "tape.yaml").read_text("utf-8")
    assert "abc" not in text
    json, fields = (item["request"]["body"] for item in yaml.safe_load(text)["interactions"])
    assert '"api_key":"REMOVED"' in json
    assert '"password":{"type":"string"}' in json
    assert fields == "grant_type=client_credentials&client_secret=REMOVED"
    with cassette("none"):
        replayed, _ = agent("another one")
    assert replayed.content == told.replace(b'"abc"', b'"REMOVED"')
    assert replayed.headers["location"] == "https://example.com/?q=1"


@pytest.mark.parametrize("where", ["request", "response", "binary"])
def test_a_secret_in_a_body_refuses_the_save_without_telling_it(ask, cassette, tmp_path, provider, where):
    raw = b"\xff\x00" + KEY.encode() if where == "binary" else f'{{"key": "{KEY}"}}'.encode()
    if where != "request":
        provider.reply = Answer(raw=raw)
    with pytest.raises(CassetteError) as caught, cassette("once"):
        ask(f"my key is {KEY}" if where == "request" else "hi")
    message = str(caught.value)
    assert f"interaction 1, {'request' if where == 'request' else 'response'}.body" in message
    assert "an API key" in message
    assert KEY not in message
    assert list(tmp_path.iterdir()) == []


def test_the_value_of_a_secret_variable_refuses_the_save(ask, cassette, tmp_path, monkeypatch):
    monkeypatch.setenv("OUR_OWN_TOKEN", "correct-horse-battery")
    monkeypatch.setenv("SSH_KEY", "/home/me/.ssh/id_ed25519")
    monkeypatch.setenv("SHORT_SECRET", "hi")
    with pytest.raises(CassetteError, match="OUR_OWN_TOKEN") as caught, cassette("once"):
        ask("say correct-horse-battery and /home/me/.ssh/id_ed25519")
    assert "correct-horse" not in str(caught.value)
    assert "SSH_KEY" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_users_filter_takes_the_secret_out(ask, cassette, tmp_path):
    with cassette("once", filter_sensitive_data={"<KEY>": KEY}):
        ask(f"my key is {KEY}")
    assert "my key is <KEY>" in (tmp_path / "tape.yaml").read_text("utf-8")
    with cassette("none", filter_sensitive_data={"<KEY>": KEY}):
        ask(f"my key is {KEY}")


def test_after_a_refused_save_the_taps_are_out(ask, cassette):
    httpx = pytest.importorskip("httpx2")
    original = vars(httpx.HTTPTransport)["handle_request"]
    with pytest.raises(CassetteError) as caught, cassette("once"):
        ask(KEY)
    assert caught.value.__traceback__ is not None  # the exception lives, and holds nothing open
    assert vars(httpx.HTTPTransport)["handle_request"] is original


def test_a_write_that_fails_leaves_the_old_file(ask, cassette, tmp_path, monkeypatch):
    with cassette("once"):
        ask()
    before = (tmp_path / "tape.yaml").read_bytes()

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"), cassette("new"):
        ask("another")
    assert (tmp_path / "tape.yaml").read_bytes() == before
    monkeypatch.undo()
    with cassette("none"):
        ask("another")  # out of the journal
    assert [path.name for path in tmp_path.iterdir()] == ["tape.yaml"]
    assert len(yaml.safe_load((tmp_path / "tape.yaml").read_text("utf-8"))["interactions"]) == 2


def test_a_symbolic_link_stays_one(ask, cassette, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "tape.yaml").symlink_to(tmp_path / "real" / "tape.yaml")
    with cassette("once"):
        ask()
    assert (tmp_path / "tape.yaml").is_symlink()
    assert (tmp_path / "real" / "tape.yaml").is_file()


def test_a_persister_of_the_user_writes_what_passed_the_scan(ask, tmp_path):
    saved = []

    class Memory:
        @staticmethod
        def load_cassette(path, serializer):  # noqa: ARG004
            raise vcr.persisters.filesystem.CassetteNotFoundError

        @staticmethod
        def save_cassette(path, cassette_dict, serializer):  # noqa: ARG004
            saved.append((path, len(cassette_dict["requests"])))

    theirs = vcr.VCR()
    theirs.register_persister(Memory)
    upgrade(theirs, "all")
    with theirs.use_cassette("tape"):
        ask()
    assert saved == [("tape", 1)]
    with pytest.raises(CassetteError), theirs.use_cassette("tape"):
        ask(KEY)
    assert len(saved) == 1


def test_names_are_those_of_pytest_recording(ask, tmp_path):
    with use_cassette(str(tmp_path / "deep" / "er" / "named.yaml"), record_mode="once", vcr_config={}):
        ask()
    assert (tmp_path / "deep" / "er" / "named.yaml").is_file()
    with use_cassette(str(tmp_path / ("x" * 400)), record_mode="once", vcr_config={}):
        ask()
    (long,) = (path.name for path in Path(tmp_path).iterdir() if path.name.startswith("x"))
    assert len(long) <= 255
    assert "..." in long
