"""Whether a function that begins is the execution of a tool call: by its name and by the values it was given.

No framework is known here. What a model wrote into its call turns up as arguments of the function that carries it out.
"""

from __future__ import annotations

import inspect
import os
import sysconfig
from collections.abc import Callable, Container, Iterable, Mapping
from types import CodeType
from typing import Any, NamedTuple

from pytest_agentperf.model.span import Confidence, SpanKind
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools.open_calls import Key, OpenCall, same

VERBS = frozenset(
    word
    for verb in ("call", "execute", "invoke", "run")
    for word in (verb, f"_{verb}", f"a{verb}", f"_a{verb}", f"{verb}_async", f"{verb}_json", f"{verb}_tool")
) | {"__call__", "forward", "handle", "execute_tool_call", "call_function", "_call_tool", "on_invoke_tool"}
"""What methods that carry out any tool are called; they are given all arguments as one."""

_BETTER = frozenset({"profiler", "seam"})
"""Sources beside which nobody is to guess."""
_RANK: Mapping[Confidence, int] = {"exact": 0, "likely": 1, "guess": 2}

_LIBRARIES = tuple(
    {os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_SITE = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib")})
_PLUMBING = tuple(
    os.path.join(site, package, "")
    for site in _SITE
    for package in (
        *("aiohttp", "anyio", "botocore", "coverage", "google/protobuf", "h11", "httpcore", "httpcore2", "httpx"),
        *("httpx2", "jiter", "openai", "opentelemetry", "_pytest", "pluggy", "pydantic", "pytest_asyncio", "requests"),
        *("rich", "tenacity", "trio", "urllib3", "vcr", "wrapt", "yaml"),
    )
)
"""Packages that run no tool, though they pass arguments on."""
_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "")


class Shape(NamedTuple):
    """What its code says of a function."""

    name: str
    parameters: tuple[str, ...]
    rest: str | None
    """Name of its `**kwargs`."""
    foreign: bool
    """Installed, and not the agent's own."""
    waits: bool
    """It may be suspended: the CPU time of its thread is not its own."""
    shared: bool
    """A generator: between its steps others go on in its context."""


def shape(code: CodeType) -> Shape | None:
    """None for what runs no tool: interpreter, standard library, transports, this plugin."""
    name, file = code.co_name, code.co_filename
    if (name[:1] == "<" and name != "<lambda>") or (name[:2] == "__" and name != "__call__"):
        return None
    if file[:1] == "<" or file.startswith((_OURS, *_PLUMBING)):
        return None
    site = file.startswith(_SITE)
    if not site and file.startswith(_LIBRARIES):
        return None
    flags = code.co_flags
    count = code.co_argcount + code.co_kwonlyargcount
    rest = count + bool(flags & inspect.CO_VARARGS)
    shared = bool(flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
    return Shape(
        name=name,
        parameters=code.co_varnames[:count],
        rest=code.co_varnames[rest] if flags & inspect.CO_VARKEYWORDS else None,
        foreign=site,
        waits=shared or bool(flags & inspect.CO_COROUTINE),
        shared=shared,
    )


class Vocabulary:
    """Names and parameters of the tools that models have asked for so far."""

    def __init__(self) -> None:
        self._known: set[tuple[str, frozenset[str]]] = set()
        self._names: frozenset[str] = frozenset()
        self._parameters: tuple[frozenset[str], ...] = ()

    def learn(self, calls: Iterable[OpenCall]) -> bool:
        """Whether there was anything new."""
        new = {(call.name, frozenset(_given(call))) for call in calls} - self._known
        if new:
            self._known |= new
            self._names = frozenset(name for name, _ in self._known)
            self._parameters = tuple({keys for _, keys in self._known if keys})
        return bool(new)

    def fits(self, shape: Shape) -> bool:
        """Whether such a function may be the execution of any of them."""
        return (
            shape.name in self._names
            or shape.name in VERBS
            or (shape.rest is not None and not shape.foreign)
            or any(keys.issubset(shape.parameters) for keys in self._parameters)
        )


def executed(
    recorder: Recorder, shape: Shape, values: Callable[[], Mapping[str, Any]], ran: Container[Key]
) -> tuple[OpenCall, Confidence] | None:
    """The open call that a function executes which begins here, unless somebody who knows better tells of it.

    `values`: what its parameters are, looked up only where it may fit. `ran`: the calls that it executed before. Within
    the execution of a call, what looks like it is a part of it. Else a function executes identical calls in their order.
    """
    assert recorder.open_calls is not None
    calls = [call for call in recorder.open_calls.open if call.seen_by.isdisjoint(_BETTER)]
    fitting = [(call, how) for call in calls if (how := likeness(shape, values, call)) is not None]
    if not fitting:
        return None
    around = {(span.call, span.call_id): span for span in recorder.spans.around(SpanKind.TOOL)}

    def rank(found: tuple[OpenCall, Confidence]) -> tuple[bool | int, ...]:
        """Tools that are asked for with the same arguments are told apart by name, else in their order."""
        call, how = found
        return call.key not in around, _RANK[how], call.name != shape.name, call.key in ran, "detector" in call.seen_by

    call, how = min(fitting, key=rank)
    if call.key in around and _RANK[around[call.key].confidence] <= _RANK[how]:
        return None
    return call, how


def likeness(shape: Shape, values: Callable[[], Mapping[str, Any]], call: OpenCall) -> Confidence | None:
    """How sure it is that a function with these parameters executes the call; None: it does not."""
    asked, named = _given(call), shape.name == call.name
    if asked and asked.keys() <= set(shape.parameters) and _all_equal(asked, values()):
        return "exact" if named or not shape.foreign else "likely"
    if not asked:
        return "exact" if named else None
    if shape.rest is not None and same(values().get(shape.rest), asked):
        return "likely" if named or shape.name in VERBS else "guess"
    if (named or shape.name in VERBS) and any(_holds(values().get(name), asked) for name in shape.parameters):
        return "likely"
    return "guess" if named and len(shape.parameters) <= len(asked) + 1 else None


def _given(call: OpenCall) -> Mapping[str, Any]:
    return call.arguments if isinstance(call.arguments, dict) else {}


def _all_equal(asked: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(name in values and same(values[name], value) for name, value in asked.items())


def _holds(value: Any, asked: Mapping[str, Any]) -> bool:
    """A mapping with all of the arguments, or an object with most of them as attributes."""
    if isinstance(value, dict):
        return _all_equal(asked, value)
    held = getattr(value, "__dict__", None)
    if not isinstance(held, dict):
        return False
    known = {name: item for name, item in asked.items() if name in held}
    return 2 * len(known) >= len(asked) and _all_equal(known, held)
