"""The files of every recorder are read, replayed, and where they are damaged named."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from vcr.request import Request as VcrRequest

from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.record.cassette import CassetteError, use_cassette
from pytest_agentperf.record.file_formats import Damage, NoCassette, read
from pytest_agentperf.record.stored import exchanges

URL = "https://api.example.com/v1/x"
ASKED, TOLD = {"a": [1, "é"]}, {"b": None}
ASKED_TEXT, TOLD_TEXT = json.dumps(ASKED), json.dumps(TOLD)
TYPE = {"content-type": ["application/json"]}
STATUS = {"code": 200, "message": "OK"}


def request(**rest):
    return {"method": "POST", "uri": URL, "headers": TYPE, **rest}


def response(**rest):
    return {"status": STATUS, "headers": TYPE, **rest}


def vcrpy(asked, told):
    return {"interactions": [{"request": asked, "response": told}], "version": 1}


def ruby(asked, told):
    item = {"request": asked, "response": told, "recorded_at": "Wed, 17 Jun 2026 14:12:58 GMT"}
    return {"http_interactions": [item], "recorded_with": "VCR 6.3.1"}


ENCODED = b64encode(TOLD_TEXT.encode()).decode()
BODY = {"string": TOLD_TEXT}
OLD = f"""\
- request: !!python/object:vcr.request.Request
    body: '{ASKED_TEXT}'
    headers: !!python/object/apply:__builtin__.frozenset
    - - !!python/tuple [Content-Type, application/json]
    host: api.example.com
    method: POST
    path: /v1/x
    port: 443
    protocol: https
  response:
    body: {{string: !!python/unicode '{TOLD_TEXT}'}}
    headers: ["Content-Type: application/json\\r\\n"]
    status: {{code: 200, message: OK}}
"""
MULTIDICT = f"""\
interactions:
- request:
    body: !!python/object/new:_io.BytesIO
      state: !!python/tuple ['{ASKED_TEXT}', 0, null]
    headers:
      ? !!python/object/apply:multidict._multidict.istr [Content-Type]
      : [application/json]
    method: POST
    uri: {URL}
  response:
    body: {{string: '{TOLD_TEXT}'}}
    headers: {{}}
    status: {{code: 200, message: OK}}
version: 1
"""
RUBY_BYTES = f"""\
http_interactions:
- request:
    method: post
    uri: {URL}
    body: {{encoding: UTF-8, string: '{ASKED_TEXT}'}}
    headers: {{Content-Type: [application/json]}}
  response:
    status: {{code: 200, message: OK}}
    headers: {{Content-Encoding: [gzip]}}
    body: {{encoding: ASCII-8BIT, string: !binary '{b64encode(gzip.compress(TOLD_TEXT.encode())).decode()}'}}
recorded_with: VCR 6.3.1
"""
PARSED = vcrpy(request(parsed_body=ASKED), response(parsed_body=TOLD))
FORMATS = {
    "vcrpy": vcrpy(request(body=ASKED_TEXT), response(body=BODY)),
    "vcrpy, body in pieces": vcrpy(request(body=[ASKED_TEXT[:4], ASKED_TEXT[4:]]), response(body=BODY)),
    "vcrpy, base64": vcrpy(request(body=ASKED_TEXT), response(body={"base64_string": ENCODED})),
    "vcrpy, first httpx": vcrpy(request(body=ASKED_TEXT), {"status_code": 200, "headers": TYPE, "content": TOLD_TEXT}),
    "vcrpy before 1.0": OLD,
    "vcrpy with Python's tags": MULTIDICT,
    "pydantic-ai": PARSED,
    "pydantic-ai, cut by hand": {"interactions": PARSED["interactions"]},
    "pydantic-ai, parsed in its place": vcrpy(request(body=ASKED), response(parsed_body=TOLD)),
    "ruby": ruby(request(body={"encoding": "UTF-8", "string": ASKED_TEXT}), response(body=BODY)),
    "ruby, bytes": RUBY_BYTES,
    "r": ruby(
        {"method": "POST", "uri": URL, "body": {"string": ASKED_TEXT}},
        {"status": 200, "headers": {"x": "1"}, "body": BODY},
    ),
    "langchain": {
        "requests": [request(body=ASKED_TEXT.encode())],
        "responses": [response(body={"string": TOLD_TEXT.encode()})],
    },
}


def text_of(name) -> bytes:
    content = FORMATS[name]
    text = (content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)).encode()
    return gzip.compress(text) if name == "langchain" else text


@pytest.mark.parametrize("name", FORMATS)
def test_read(tmp_path: Path, name):
    path = tmp_path / "tape"
    path.write_bytes(text_of(name))
    (seen,) = exchanges(path)
    assert (seen.index, seen.request.method, seen.request.url) == (0, "POST", URL)
    assert json.loads(seen.request.body) == ASKED
    assert seen.response is not None
    assert (seen.response.status, json.loads(seen.response.body)) == (200, TOLD)
    assert seen.timing is Timing.UNKNOWN


@pytest.mark.parametrize("name", FORMATS)
def test_replay(tmp_path: Path, name):
    httpx = pytest.importorskip("httpx2")
    path = tmp_path / "tape.yaml"
    path.write_bytes(text_of(name))
    with use_cassette(str(tmp_path / "tape"), record_mode="none", vcr_config={}):
        assert httpx.post(URL, json=ASKED).json() == TOLD


def test_json_files_and_times_of_ours(tmp_path: Path):
    told = response(body=BODY, agentperf={"version": 1, "headers": 100.0, "chunks": "100.0+11", "end": 250.0})
    (tmp_path / "tape.json").write_text(json.dumps(vcrpy(request(body=ASKED_TEXT), told)))
    (seen,) = exchanges(tmp_path / "tape.json")
    assert (seen.timing, seen.first_byte_ns, seen.end_ns) == (Timing.RECORDED, 100_000_000, 250_000_000)


def test_latency_that_the_provider_stated(tmp_path: Path):
    told = response(body=BODY, headers=TYPE | {"openai-processing-ms": ["320"]})
    (tmp_path / "tape.yaml").write_text(yaml.safe_dump(vcrpy(request(body=ASKED_TEXT), told)))
    (seen,) = exchanges(tmp_path / "tape.yaml")
    assert (seen.timing, seen.end_ns) == (Timing.STATED, 320_000_000)


def test_aliases_and_merges_mean_what_yaml_says():
    text = f"""
headers: &h {{x: [1]}}
base: &b {{method: GET, uri: {URL}, body: null, headers: *h}}
interactions:
- {{request: {{<<: *b, method: POST}}, response: {{status: {{code: 200}}, headers: *h, body: {{string: x}}}}}}
version: 1
"""
    ((asked, told),) = read(text.encode())
    assert (asked["method"], asked["uri"], asked["headers"], told["headers"]) == ("POST", URL, {"x": [1]}, {"x": [1]})


def test_aliases_do_not_multiply():
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    assert read(f"a0: &a0 [x]\n{levels}\ninteractions: []\nversion: 1\n".encode()) == []


NO_BODY = "interaction 1 (POST https://api.example.com/v1/x): its response has no body"
DAMAGE = {
    "no body": (vcrpy(request(body="{}"), response()), NO_BODY),
    "no body in Ruby's": (ruby(request(body={"string": ""}), response(body={"encoding": "UTF-8"})), NO_BODY),
    "no status": (vcrpy(request(body="{}"), {"headers": {}, "body": BODY}), "its response has no status"),
    "no address": (vcrpy({"method": "GET"}, response(body=BODY)), "interaction 1: its request has no method and uri"),
    "no response": (vcrpy(request(body="{}"), None), "interaction 1 is no request with a response"),
    "cut": ({"interactions": FORMATS["vcrpy"]["interactions"]}, "its end is missing (`version`"),
    "cut, Ruby's": ({"http_interactions": FORMATS["ruby"]["http_interactions"]}, "its end is missing (`recorded_with`"),
    "cut, LangChain's": ({"requests": [request(body="{}")]}, "it holds 1 requests and 0 responses"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(tmp_path: Path, name):
    content, reason = DAMAGE[name]
    path = tmp_path / "tape.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(Damage) as caught:
        list(exchanges(path))
    assert reason in str(caught.value)
    with pytest.raises(CassetteError) as told:
        use_cassette(str(path.with_suffix("")), record_mode="none", vcr_config={}).__enter__()
    assert f"{path}: {caught.value}" in str(told.value)


def test_an_answer_without_content_needs_no_body():
    for told in (response(headers={"Content-Length": "0"}), response(status={"code": 204, "message": ""})):
        ((_, stored),) = read(yaml.safe_dump(vcrpy(request(), told)).encode())
        assert stored["body"] == {"string": b""}


@pytest.mark.parametrize("content", ["services: {}", "[1, 2]", "5", "{}", "interactions: {}"])
def test_what_is_something_else_is_no_cassette(content):
    with pytest.raises(NoCassette):
        read(content.encode())


def test_a_cut_archive_is_named():
    with pytest.raises(Damage, match="it cannot be unzipped"):
        read(text_of("langchain")[:-20])


@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_no_bytes_raise_anything_else(name, data):
    raw = bytearray(text_of(name))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    with suppress(Damage):
        read(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


class LangChains:
    """Persister and serializer of its standard tests."""

    def load_cassette(self, path, serializer):
        found = serializer.deserialize(gzip.decompress(Path(path).read_bytes()))
        return found["requests"], found["responses"]

    def save_cassette(self, path, cassette_dict, serializer):
        raise NotImplementedError

    @staticmethod
    def deserialize(data):
        found = yaml.safe_load(data)
        return {**found, "requests": [VcrRequest(**asked) for asked in found["requests"]]}


def test_a_team_that_reads_langchains_files_by_itself_goes_on(tmp_path: Path):
    import vcr

    from pytest_agentperf.record.cassette import upgrade

    httpx = pytest.importorskip("httpx2")
    theirs = vcr.VCR(serializer="gz")
    theirs.register_serializer("gz", LangChains)
    theirs.register_persister(LangChains())
    upgrade(theirs)
    (tmp_path / "tape.gz").write_bytes(text_of("langchain"))
    with theirs.use_cassette(str(tmp_path / "tape.gz"), record_mode="none"):
        assert httpx.post(URL, json=ASKED).json() == TOLD
