"""Which functions look like the execution of a call. Pure rules, the same on each Python."""

from __future__ import annotations

import json
import string
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.record.tools.frames import Shape, Vocabulary, likeness, shape
from pytest_agentperf.record.tools.open_calls import OpenCall


def call(name: str, **arguments: Any) -> OpenCall:
    asking = ModelCall(index=0, provider="p", api="a", model="m")
    return OpenCall(call=asking, place=1, id="c", name=name, arguments=arguments)


def form(name: str, *parameters: str, rest: str | None = None, foreign: bool = False) -> Shape:
    return Shape(name=name, parameters=parameters, rest=rest, foreign=foreign, waits=False, shared=False)


ASKED = call("search", q="x", limit=3)
BOTH = {"q": "x", "limit": 3}


@pytest.mark.parametrize(
    ("function", "given_", "how"),
    [
        (form("search", "q", "limit"), BOTH, "exact"),
        (form("any_name", "self", "q", "limit", "more"), {**BOTH, "more": 1}, "exact"),
        (form("any_name", "q", "limit", foreign=True), BOTH, "likely"),
        (form("search", "q", "limit", foreign=True), BOTH, "exact"),
        (form("any_name", "q", "limit"), {"q": "y", "limit": 3}, None),
        (form("any_name", "q"), {"q": "x"}, None),
        (form("any_name", rest="kw"), {"kw": BOTH}, "guess"),
        (form("execute", rest="kw"), {"kw": BOTH}, "likely"),
        (form("execute", "self", "arguments"), {"self": 1, "arguments": {**BOTH, "context": 0}}, "likely"),
        (form("__call__", "self", "action"), {"self": 1, "action": SimpleNamespace(**BOTH)}, "likely"),
        (form("any_name", "arguments"), {"arguments": BOTH}, None),
        (form("execute", "state"), {"state": SimpleNamespace(limit=4, q="x")}, None),
        (form("search", "query", "n"), {"query": "X", "n": "3"}, "guess"),
        (form("search", "a", "b", "c", "d"), {}, None),
    ],
)
def test_likeness(function, given_, how):
    assert likeness(function, lambda: given_, ASKED) == how


def test_a_call_without_arguments_is_known_by_its_name():
    assert likeness(form("now"), dict, call("now")) == "exact"
    assert likeness(form("then"), dict, call("now")) is None


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.dictionaries(NAMES, VALUES, max_size=3), VALUES)
def test_a_function_that_is_given_all_of_it_is_the_tool_and_no_other(arguments, more, other):
    tool = call("tool", **arguments)
    values = json.loads(json.dumps({**more, **arguments}))
    function = form("whatever", *values)
    known = Vocabulary()
    assert known.learn([tool])
    assert not known.learn([tool])
    assert known.fits(function)
    assert likeness(function, lambda: values, tool) == "exact"
    changed = next(iter(arguments))
    if other != arguments[changed]:
        assert likeness(function, lambda: {**values, changed: other}, tool) is None


def test_shapes():
    async def waiting(a, *rest, b=1, **more): ...

    def pages(a):
        yield a

    assert shape(waiting.__code__) == Shape("waiting", ("a", "b"), "more", foreign=False, waits=True, shared=False)
    assert shape(pages.__code__) == Shape("pages", ("a",), None, foreign=False, waits=True, shared=True)
    assert shape((lambda a: a).__code__).name == "<lambda>"
    for nobody in (json.dumps, ASKED.__init__, shape, eval("lambda: 0")):
        assert shape(nobody.__code__) is None
    assert shape(pytest.raises.__code__) is None
    assert shape(given.__code__).foreign
