"""What record is made of: matching, redaction, timing and content encodings, by properties."""

from __future__ import annotations

import gzip
import json
import zlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentperf.model.exchange import Request
from pytest_agentperf.record import encoding, timing
from pytest_agentperf.record.match import address, canonical, key
from pytest_agentperf.record.miss import explain
from pytest_agentperf.record.pending import Ending, Pending
from pytest_agentperf.record.redact import clean_url, find_secrets, keeps

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=3)


def request(body=b"", uri="https://a.example/v1/x", method="POST"):
    return SimpleNamespace(method=method, uri=uri, body=body)


@given(objects)
def test_json_is_equal_in_any_spelling(body):
    backwards = dict(reversed(body.items()))
    spellings = [
        json.dumps(body).encode(),
        json.dumps(backwards, indent=3).encode(),
        json.dumps(body, separators=(",", ":")),
        body,
    ]
    assert len({key(request(spelling)) for spelling in spellings}) == 1


@given(objects, objects)
def test_different_json_is_different(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (key(request(json.dumps(one))) == key(request(json.dumps(other)))) is same


@given(st.binary(), st.data())
def test_any_body_has_a_key(body, data):
    parts = data.draw(st.lists(st.integers(0, len(body)), max_size=3).map(sorted))
    pieces = [body[a:b] for a, b in zip([0, *parts], [*parts, len(body)], strict=True)]
    assert canonical(iter(pieces)) == canonical(body)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://A.example:443/v1?b=2&a=1", "https://a.example/v1?a=1&b=2"),
        ("https://a.example/v1?beta=true", "https://a.example/v1"),
        ("https://a.example", "https://a.example/"),
        ("https://me:secret@a.example/v1?key=1", "https://a.example/v1?key=2"),
    ],
)
def test_one_address(one, other):
    assert address(one) == address(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/v1", "http://a.example/v1"),
        ("https://a.example/v1", "https://a.example/v2"),
        ("https://a.example:8443/v1", "https://a.example/v1"),
        ("https://a.example/v1?api-version=1", "https://a.example/v1?api-version=2"),
        ("https://a.example/v1?a=", "https://a.example/v1"),
    ],
)
def test_two_addresses(one, other):
    assert address(one) != address(other)


@given(st.text(), st.text())
def test_clean_urls_stay_as_they_are(path, query):
    url = clean_url(f"https://a.example/{path}?{query}") if "@" not in path else "https://a.example/"
    assert clean_url(url) == url


@pytest.mark.parametrize(
    "name", ["key", "api_key", "X-Amz-Signature", "access_token", "subscription-key", "sig", "Password"]
)
def test_key_like_parameters_go(name):
    assert clean_url(f"https://a.example/x?a=1&{name}=hidden&b=%20") == "https://a.example/x?a=1&b=%20"


@pytest.mark.parametrize("name", ["max_tokens", "monkey", "api-version", "keyword", "q"])
def test_others_stay(name):
    assert clean_url(f"https://a.example/x?{name}=1") == f"https://a.example/x?{name}=1"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Content-Type", True),
        ("anthropic-version", True),
        ("x-ratelimit-remaining-tokens", True),
        ("openai-processing-ms", True),
        ("cf-request-id", True),
        ("Authorization", False),
        ("x-api-key", False),
        ("set-cookie", False),
        ("x-stainless-runtime-version", False),
    ],
)
def test_stored_headers(name, kept):
    assert keeps(name) is kept


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-" + "x" * 20,
        "AIza" + "b" * 35,
        "AKIA" + "C" * 16,
        "ghp_" + "d" * 36,
        "xoxb-123456789012",
        "hf_" + "e" * 30,
        "gsk_" + "f" * 20,
        "Bearer " + "g" * 20,
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_found_and_not_told(secret):
    (found,) = find_secrets([("here", f"text, {secret} and so on")])
    assert found.startswith("here, character 6: ")
    assert secret not in found


def test_ordinary_texts_hold_no_secret():
    assert find_secrets([("here", "sk-short, risk-free-of-anything-at-all, AIzaaa, Bearer of news, task-force")]) == []


chunks = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**5)), max_size=20)


@given(chunks, st.sampled_from(Ending), st.integers(0, 10**9), st.sampled_from(["", "ReadError: gone + away"]))
def test_timing_survives_to_a_tenth_of_a_millisecond(parts, ending, tail, error):
    pending = Pending(Request(method="GET", url="x"))
    at = pending.headers_ns = pending.start_ns
    for pause, size in parts:
        at += pause
        pending.chunks.append((at, size))
    pending.end_ns, pending.ending, pending.error = at + tail, ending, error or None
    value = timing.write(pending, pending.start_ns)
    assert all(isinstance(item, (str, int, float)) for item in value.values())
    read = timing.read(value)
    assert [size for _, size in read.chunks] == [size for _, size in parts]
    for (offset, _), (exact, _) in zip(read.chunks, pending.chunks, strict=True):
        assert abs(offset - (exact - pending.start_ns)) <= 50_000
    assert abs(read.end_ns - (pending.end_ns - pending.start_ns)) <= 50_000
    assert (read.ending, read.error) == (ending, error)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"headers": "soon"}, "headers: expected milliseconds, got 'soon'"),
        ({"end": -1}, "end: expected milliseconds, got -1"),
        ({"end": float("nan")}, "end: expected milliseconds, got nan"),
        ({"end": float("inf")}, "end: expected milliseconds, got inf"),
        ({"headers": [1]}, r"headers: expected milliseconds, got \[1\]"),
        ({"chunks": "1.0+5 x+7"}, "chunks: expected milliseconds, got 'x'"),
        ({"chunks": "1.0+5 2.0"}, "chunks: expected a pause in ms, .* got '2.0'"),
        ({"chunks": "1.0+-5"}, r"chunks: expected a pause in ms, .* got '1.0\+-5'"),
        ({"connection": "old"}, "connection: expected new or reused, got 'old'"),
        ({"ending": "happy"}, "ending: expected one of complete, closed, cut, abandoned, got 'happy'"),
        ({"ending": {}}, "ending: expected one of .*, got {}"),
        ({"version": "x"}, "version: expected"),
    ],
)
def test_damaged_timing_names_key_and_value(damage, message):
    good = {"version": 1, "headers": 1.0, "chunks": "1.0+5", "end": 2.0, "ending": "complete"}
    timing.check(good)
    timing.check({**good, "version": 2, "chunks": []})  # of a later version of this plugin
    with pytest.raises(ValueError, match=message):
        timing.check({**good, **damage})


def _raw_deflate(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


PACK = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "x-gzip": gzip.compress,
    "Deflate": _raw_deflate,
    "identity": bytes,
}


@given(st.binary(), st.data())
@pytest.mark.parametrize("name", PACK)
def test_content_encodings_are_undone_however_they_are_split(name, body, data):
    packed = PACK[name](body)
    cuts = data.draw(st.lists(st.integers(0, len(packed)), max_size=5).map(sorted))
    undo = encoding.decoder(name) or bytes
    pieces = [packed[a:b] for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    assert b"".join(undo(piece) for piece in pieces if piece) == body
    assert encoding.decode(name, packed) == body


@pytest.mark.parametrize(("name", "library", "pack"), [("br", "brotli", "compress"), ("zstd", "zstandard", "compress")])
def test_encodings_that_need_a_library(name, library, pack):
    packed = getattr(pytest.importorskip(library), pack)(b"Hello." * 50)
    undo = encoding.decoder(name)
    assert undo(packed[:9]) + undo(packed[9:]) == b"Hello." * 50


def test_two_encodings_are_undone_last_first():
    assert encoding.decode("deflate, gzip", gzip.compress(zlib.compress(b"twice"))) == b"twice"


def test_an_unknown_encoding_is_not_guessed():
    with pytest.raises(LookupError):
        encoding.decoder("rot13")


def test_a_plain_body_that_says_it_is_packed_stays():
    assert encoding.decode("gzip", b'{"a": 1}') == b'{"a": 1}'


def test_a_piece_that_holds_nothing_of_the_body_is_no_chunk():
    """The header of gzip may come alone; replayed as a chunk of size 0 it would end the answer."""
    pending = Pending(Request(method="GET", url="x"))
    packed = gzip.compress(b"Hello.")
    pending.response(200, (("content-encoding", "gzip"),))
    pending.chunk(packed[:7], at_ns=1)
    pending.chunk(packed[7:], at_ns=9_000_000)
    assert pending.chunks == [(9_000_000, 6)]


def test_a_broken_body_is_kept_as_it_came():
    bugs = []
    pending = Pending(Request(method="GET", url="x"), bugs.append)
    packed = gzip.compress(b"Hello.")
    pending.response(200, (("content-encoding", "gzip"),))
    pending.chunk(packed[:12])
    pending.chunk(b"\x00broken\xff" * 5)
    pending.end()
    assert pending.encoded
    assert pending.body == packed[:12] + b"\x00broken\xff" * 5
    assert bugs == []


def explained(now, *recorded, same=0):
    return explain(
        request(json.dumps(now)),
        [(request(json.dumps(body)), played) for body, played in recorded],
        same=same,
        cassette="c.yaml",
        exists=True,
        llm_call=None,
        nodeid="",
    )


def test_the_nearest_is_the_one_that_differs_in_the_fewest_places():
    far, near = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 9}
    message = explained({"a": 1, "b": 2, "c": 4}, (far | {"a": 7}, False), (near, False))
    assert "recorded request 2, which differs in c" in message
    assert "recorded: '9'" in message
    assert "now:      '4'" in message


def test_of_two_equally_near_the_one_not_played_yet():
    assert "recorded request 2, which" in explained({"a": 1}, ({"a": 2}, True), ({"a": 3}, False))


def test_what_is_absent_is_said():
    message = explained({"a": 1, "tools": [{"name": "x"}]}, ({"a": 1}, False))
    assert "differs in tools[0].name" in message
    assert "'(nothing)'" in message


def says(*texts):
    """A chat: the user, then the model and a tool in turns."""
    roles = ["user", *["assistant", "tool"] * len(texts)]
    return {"model": "m", "messages": [{"role": role, "content": t} for role, t in zip(roles, texts, strict=False)]}


def test_the_turn_that_changed_is_told_where_the_conversation_went_along():
    recorded = [(says(*"abcde"[:size]), True) for size in (1, 3, 5)]
    message = explained(says("a", "b", "c", "d", "E"), *recorded)
    assert "turn 3 of the conversation changed: recorded request 3 (played already) differs in messages[4]" in message
    assert "turn 2 of the conversation changed: recorded request 2" in explained(says("a", "b", "C"), *recorded[:2])
    assert "nearest: recorded request 1" in explained(says("A"), *recorded)


def test_the_longest_common_way_counts_more_than_few_differences():
    along = {**says("a", "b", "c"), "tools": list(range(9))}
    message = explained(says("a", "b", "C"), (says("x", "b", "C"), False), (along, False))
    assert "turn 2 of the conversation changed: recorded request 2 differs in messages[2].content" in message
    assert "and in 9 more: tools[0]" in message


def test_turns_of_other_wire_formats():
    call, output = {"type": "function_call", "call_id": "1"}, {"type": "function_call_output", "call_id": "1"}
    then, now = ({"input": [{"role": "user", "content": "q"}, call, call, output | {"output": o}]} for o in "xy")
    assert "turn 2 of the conversation changed" in explained(now, (then, False))
    then, now = ({"contents": [{"role": "user"}, {"role": "model"}, {"role": "user", "parts": [o]}]} for o in "xy")
    assert "turn 2 of the conversation changed" in explained(now, (then, False))


def test_a_turn_more_than_recorded_is_told_as_one():
    message = explained(says(*"abcde"), (says("a"), True), (says("a", "b", "c"), True))
    assert "turn 3 of the conversation was not recorded: recorded request 2 (played already) differs" in message


@given(objects, st.lists(st.tuples(objects, st.booleans()), max_size=4))
def test_any_miss_can_be_explained(now, recorded):
    assert "no recorded answer for POST https://a.example/v1/x" in explained(now, *recorded)
