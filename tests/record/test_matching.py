"""What a user leaves out when requests are compared."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentperf.record.cassette import CassetteError, CassetteMiss
from pytest_agentperf.record.leave_out import USUAL, BadRule, blurred, read_path, read_pattern, without
from pytest_agentperf.record.match import Matching

BODY = {"id": 1, "user": {"id": 2, "a.b": 3}, "messages": [{"id": 4, "text": "x"}, {"id": 5}], "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("id", {**BODY, "id": ...}),
        ("$.user.id", {**BODY, "user": {"a.b": 3}}),
        ("user['a.b']", {**BODY, "user": {"id": 2}}),
        ('user["id"]', {**BODY, "user": {"a.b": 3}}),
        ("user.*", {**BODY, "user": {}}),
        ("messages[0].id", {**BODY, "messages": [{"text": "x"}, {"id": 5}]}),
        ("messages[*].id", {**BODY, "messages": [{"text": "x"}, {}]}),
        ("..id", {"user": {"a.b": 3}, "messages": [{"text": "x"}, {}], "tags": ["a", "b"], "id": ...}),
        ("tags[1]", {**BODY, "tags": ["a", None]}),
        ("tags[*]", {**BODY, "tags": [None, None]}),
        ("messages[0]..id", {**BODY, "messages": [{"text": "x"}, {"id": 5}]}),
        ("nothing.here[3]", BODY),
    ],
)
def test_paths(path, left):
    assert without(BODY, [read_path(path)]) == {name: value for name, value in left.items() if value is not ...}


@pytest.mark.parametrize("path", ["", "$", "a b", "a[", "a[x]", "a[-1]", "a..", 5])
def test_a_path_that_cannot_be_read_is_named(path):
    with pytest.raises(BadRule, match=re.escape(repr(path))):
        read_path(path)


@pytest.mark.parametrize(
    ("name", "texts", "others"),
    [
        ("date", ["2026-11-21"], ["2026-11", "12026-11-21"]),
        ("time", ["2026-11-21T10:00:00.123Z", "2026-11-21 10:00:00 UTC", "10:00:00"], ["10:00"]),
        ("uuid", ["0b9e5f6a-7c3d-4e2f-9a1b-2c3d4e5f6a7b"], ["0b9e5f6a"]),
        ("hex", ["8f14e45fceea167a"], ["deadbeef", "123456789012345"]),
        ("path", ["/tmp/pytest-of-me/x.txt", "C:\\Users\\me\\x", "~/a/b"], ["and/or", "https://a.b/c/d", "1/2"]),
        ("port", ["localhost:8080", "127.0.0.1:40123"], ["example.com:80"]),
    ],
)
def test_usual_patterns(name, texts, others):
    pattern = read_pattern(name)
    assert [pattern.sub("", text) for text in texts] == [""] * len(texts)
    assert [pattern.sub("", text) for text in others] == others


@pytest.mark.parametrize(
    ("pattern", "why"), [("(", "neither a regular expression"), ("a*", "matches nothing"), (5, "5")]
)
def test_a_pattern_that_cannot_be_read_is_named(pattern, why):
    with pytest.raises(BadRule, match=why):
        read_pattern(pattern)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
)


@given(st.dictionaries(st.text(max_size=3), JSON), st.sampled_from(["..id", "a[*]..b", "*.*", "a", "a[0].*"]))
def test_leaving_out_twice_is_leaving_out_once(value, path):
    once = without(value, [read_path(path)])
    assert without(once, [read_path(path)]) == once
    assert blurred(blurred(value, [read_pattern("x+")]), [read_pattern("x+")]) == blurred(value, [read_pattern("x+")])
    assert json.dumps(value) == json.dumps(json.loads(json.dumps(value)))  # and the value is as it was


def request(body):
    return type("Request", (), {"method": "POST", "uri": "https://a/", "body": body})


@pytest.mark.parametrize("name", USUAL)
def test_only_texts_are_blurred_and_not_names(name):
    matching = Matching((), [read_pattern(name)])
    one, other = (request(json.dumps({text: 1})) for text in ("2026-11-21", "2026-11-22"))
    assert matching.key(one) != matching.key(other)


def test_bodies_that_are_no_json_are_blurred_too():
    matching = Matching((), [read_pattern("date")])
    assert matching.key(request(b"\xff on 2026-11-21")) == matching.key(request(b"\xff on 2026-11-22"))


@pytest.fixture
def ask(provider):
    httpx = pytest.importorskip("httpx2")

    def ask(prompt, request_id=1, **extra):
        messages = [{"role": "user", "content": prompt}]
        json = {"model": "gpt-4o", "messages": messages, "metadata": {"request_id": request_id}, **extra}
        return httpx.post(provider.url + "/v1/chat/completions", json=json)

    return ask


RULES = {"agentperf_match_ignore": ["metadata.request_id"], "agentperf_match_normalize": ["date", r"session \w+"]}


def test_what_is_left_out_is_no_difference_and_no_part_of_a_miss(ask, cassette):
    with cassette("once", **RULES):
        ask("Today is 2026-11-20, session abc.", request_id=1)
    with cassette("none", **RULES):
        ask("Today is 2026-11-21, session xyz.", request_id=2)
    with cassette("none", **RULES), pytest.raises(CassetteMiss) as caught:
        ask("Today was 2026-11-21, session xyz.", request_id=2)
    assert "request_id" not in str(caught.value)
    assert "'Today was <...>, <...>.'" in str(caught.value)
    with cassette("none"), pytest.raises(CassetteMiss):
        ask("Today is 2026-11-21, session abc.")


def test_a_key_for_the_provider_s_cache_is_no_difference(ask, cassette):
    with cassette("once"):
        ask("Hello", prompt_cache_key="agents-sdk:run:1")
    with cassette("none"):
        ask("Hello", prompt_cache_key="agents-sdk:run:2")
    with cassette("none"), pytest.raises(CassetteMiss) as caught:
        ask("Bye", prompt_cache_key="agents-sdk:run:3")
    assert "prompt_cache_key" not in str(caught.value)


def test_a_bad_rule_in_vcr_config_names_itself(cassette):
    with pytest.raises(CassetteError, match=r"agentperf_match_ignore: 'a\['"):
        cassette("none", agentperf_match_ignore=["a["]).__enter__()
    with pytest.raises(CassetteError, match=r"agentperf_match_normalize: '\('"):
        cassette("none", agentperf_match_normalize="(").__enter__()
