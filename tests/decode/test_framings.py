"""The framings of streams: server-sent events, AWS event streams, one JSON value a line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from decode.exchanges import chunk, frame
from pytest_agentperf.decode.body import open_body
from pytest_agentperf.decode.stream import Event, event_stream, sse

LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")).filter(
    lambda s: not s.startswith(" ")
)


@given(st.lists(st.tuples(LINES, st.lists(LINES, min_size=1, max_size=3))), st.sampled_from(["\n", "\r\n", "\r"]))
def test_sse_round_trip(events: list[tuple[str, list[str]]], end: str) -> None:
    text = ""
    for name, data in events:
        text += f": a comment{end}" + (f"event: {name}{end}" if name else "")
        text += "".join(f"data: {line}{end}" for line in data) + end
    assert sse(text.encode()) == [Event(name, "\n".join(data)) for name, data in events]


def test_sse_as_found_in_the_wild() -> None:
    assert sse(b"\xef\xbb\xbfdata:x") == [Event("", "x")]
    assert sse(b"id: 1\nretry: 5\n\n: ping\n\ndata\n\nevent: e\ndata: y\nunknown: z\n\n") == [
        Event("", ""),
        Event("e", "y"),
    ]


@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-z]{1,20}", fullmatch=True), st.dictionaries(LINES, st.integers())), max_size=5
    )
)
def test_event_stream_round_trip(messages: list[tuple[str, dict[str, int]]]) -> None:
    raw = b"".join(frame(name, content) for name, content in messages)
    frames, whole = event_stream(raw)
    assert whole
    assert [(f.headers[":event-type"], json.loads(f.payload)) for f in frames] == messages


@given(st.data())
def test_a_damaged_event_stream_gives_the_messages_before_the_damage(data: st.DataObject) -> None:
    raw = [frame("a", {"n": n}) for n in range(3)]
    at = data.draw(st.integers(0, len(b"".join(raw)) - 1))
    bit = data.draw(st.integers(0, 7))
    body = bytearray(b"".join(raw))
    body[at] ^= 1 << bit
    frames, whole = event_stream(bytes(body))
    assert not whole
    assert len(frames) == at // len(raw[0])


def test_headers_of_other_types_are_passed_over() -> None:
    from pytest_agentperf.decode.stream import _headers

    mixed = b"\x01t\x00\x01n\x04\x00\x00\x00\x01\x01b\x06\x00\x02xx\x01k\x07\x00\x01v\x01u\x09" + b"0" * 16
    assert _headers(mixed) == {"k": "v"}
    assert _headers(b"\x20short") == {}


@given(st.lists(st.dictionaries(LINES, st.integers()), min_size=2))
def test_one_value_a_line(values: list[dict[str, int]]) -> None:
    lines = [json.dumps(value).encode() for value in values]
    whole = open_body(b"\n".join(lines) + b"\n")
    assert (whole.events, whole.broken) == (tuple(values), "")
    cut = open_body(b"\n".join([*lines, b'{"cut": ']))
    assert (cut.events, cut.broken) == (tuple(values), "the stream was cut or damaged")


def test_chunks_that_are_no_json_are_kept_as_they_are() -> None:
    opened = open_body(chunk(b"plain text"))
    assert opened.events == ({"chunk": {"bytes": "cGxhaW4gdGV4dA=="}},)
    assert open_body(frame("chunk", {"bytes": "abc"})).events == ({"chunk": {"bytes": "abc"}},)
