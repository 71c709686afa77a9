"""The tool calls that a model asked for and whose results are still to come."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.decode.json_ import parse
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.exchange import Exchange, Origin, Request
from pytest_agentperf.model.span import Confidence, Source

ASKS = re.compile(
    rb'"(?:finish|stop)_?[rR]eason"\s*:\s*"(?:tool_calls|tool_use|function_call|TOOL_CALL)"'
    rb'|"type"\s*:\s*"response\.completed"'
)
"""Where a stream says that it has told all tool calls that it asks for; in OpenAI's responses, that it is over."""
LONGEST_ASK = 64
"""Bytes of it, for it may come in pieces."""

Key = tuple[int, str]
"""`Span.call` and `Span.call_id` of a tool span."""


@dataclass(slots=True, eq=False, kw_only=True)
class OpenCall:
    call: ModelCall
    """That asked for it."""
    place: int
    """In that answer, from 1."""
    id: str | None
    name: str
    arguments: Any
    """Parsed; what is no JSON object stays text."""
    seen_by: set[Source] = field(default_factory=set)
    """Who has told of an execution of it."""

    @property
    def key(self) -> Key:
        return self.call.index, self.id or f"#{self.place}"  # as `window.call_id`


@dataclass(frozen=True, slots=True)
class Match:
    call: OpenCall
    confidence: Confidence


class OpenCalls:
    """Fed with each decoded answer and each request that leaves. May be called from any thread."""

    def __init__(self) -> None:
        self.open: tuple[OpenCall, ...] = ()
        """In the order in which they were asked for. Replaced as a whole, so that it can be read without a lock."""
        self.changed: list[Callable[[], None]] = []
        """Called after `open` has grown."""
        self._answered: set[int] = set()
        self._lock = threading.Lock()

    def answered(self, call: ModelCall) -> None:
        """A model has answered: what it asks for is open from now on. Told twice, it counts once."""
        if not call.tool_calls:
            return
        asked = tuple(
            OpenCall(call=call, place=place, id=tool.id, name=tool.name, arguments=_arguments(tool.arguments))
            for place, tool in enumerate(call.tool_calls, 1)
        )
        with self._lock:
            if call.index in self._answered:
                return
            self._answered.add(call.index)
            self.open += asked
        for tell in tuple(self.changed):
            tell()

    def leaving(self, request: Request) -> None:
        """A request that carries results, or goes on without them, closes its calls."""
        if not self.open:
            return
        asks = None if all(call.id for call in self.open) else _read(request)
        with self._lock:
            self.open = tuple(call for call in self.open if not _closes(request, asks, call))

    def match(
        self, name: str, arguments: Any, call_id: str | None, source: Source, around: Container[object] = ()
    ) -> Match | None:
        """The call that such an execution belongs to; identical ones are told apart first in, first out.

        `around`: the keys of calls whose executions are going on where this one begins. A tool's inner workings may look like
        its call once more.
        """
        calls = self.open
        if call_id is not None:
            if known := next((call for call in calls if call.id == call_id), None):
                return Match(known, "exact")
            calls = tuple(call for call in calls if call.id is None)  # the framework made it up where the wire has none
        given = _plain(arguments)
        going_on = [call for call in calls if call.key in around]
        return _best(going_on, name, given, source) or _best(
            [call for call in calls if call not in going_on], name, given, source
        )


def _best(calls: list[OpenCall], name: str, given: Any, source: Source) -> Match | None:
    """Name and arguments, name, arguments; of several the first that this source has not told of, else a second run."""
    named = [call for call in calls if call.name == name]
    alike = [] if given is None else [call for call in calls if fits(call.arguments, given)]
    fresh = {call for call in calls if source not in call.seen_by}
    if both := [call for call in named if call in alike]:
        return Match(next((call for call in both if call in fresh), both[0]), "exact")
    if named:
        return Match(
            next((call for call in named if call in fresh), named[0]),
            "exact" if given is None and len(named) == 1 else "likely",
        )
    telling = [call for call in alike if call.arguments and call in fresh]
    return Match(telling[0], "likely") if len(telling) == 1 else None


def fits(asked: Any, given: Any) -> bool:
    """Whether what a tool was given is what the model asked for; defaults and injected values may have joined."""
    if isinstance(asked, Mapping) and isinstance(given, Mapping):
        return all(key in given and same(given[key], value) for key, value in asked.items())
    return same(asked, given)


def same(one: Any, other: Any) -> bool:
    """Equality of foreign values, which may raise or be no truth value at all."""
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - their code
        return False


def _plain(arguments: Any) -> Any:
    return _arguments(arguments) if isinstance(arguments, str) else arguments


def _arguments(text: str) -> Any:
    value = parse(text) if text else {}
    return value if isinstance(value, dict) else text


def _read(request: Request) -> ModelCall | None:
    reading = decode(Exchange(request=request, origin=Origin.LIVE))
    return reading.call if reading else None


def _closes(request: Request, asks: ModelCall | None, call: OpenCall) -> bool:
    """By the call's identifier in the request's body; where the wire format has none, by the conversation that goes on."""
    if call.id:
        return json.dumps(call.id).encode() in request.body
    if asks is None or asks.api != call.call.api:
        return False
    before = call.call.prompt.messages
    return len(asks.prompt.messages) > len(before) and asks.prompt.messages[: len(before)] == before
