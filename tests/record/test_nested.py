"""Cassettes within cassettes: the innermost is asked, whoever opened it."""

from __future__ import annotations

import vcr

from pytest_agentperf.record.adopt import adopting

PATH = "/v1/chat/completions"


def ask(stack, url, prompt):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
    return stack.post(url + PATH, json=body).text


def test_the_innermost_answers_and_then_the_outer_again(stack, provider, cassette):
    for mode in ("once", "none"):
        with cassette(mode, "outer"):
            assert "You said: one" in ask(stack, provider.url, "one")
            with cassette(mode, "inner"):
                assert "You said: two" in ask(stack, provider.url, "two")
            assert "You said: three" in ask(stack, provider.url, "three")
    assert len(provider.hits) == 3


def test_one_that_the_code_under_test_opens_is_within_too(stack, provider, cassette, recorder, tmp_path):
    for mode in ("once", "none"):
        with adopting(mode), cassette(mode, "outer"):
            ask(stack, provider.url, "one")
            with vcr.use_cassette(str(tmp_path / "theirs.yaml")):
                ask(stack, provider.url, "two")
            ask(stack, provider.url, "three")
    assert len(provider.hits) == 3
    assert len(recorder.recording().readings) == 6


def test_plain_vcrpy_within_ours_and_ours_within_plain(stack, provider, cassette, tmp_path):
    for mode in ("once", "none"):
        with cassette(mode, "outer"):
            ask(stack, provider.url, "one")
            with vcr.use_cassette(str(tmp_path / "theirs.yaml")):
                ask(stack, provider.url, "two")
                with cassette(mode, "inner"):
                    ask(stack, provider.url, "three")
    assert len(provider.hits) == 3
