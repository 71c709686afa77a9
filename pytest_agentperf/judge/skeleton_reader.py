"""The lines of a skeleton (see `skeleton_text`) as a profile again."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast
from urllib.parse import unquote

from pytest_agentperf.judge.skeleton_text import US, USAGE
from pytest_agentperf.model.call import Message, ModelCall, Prompt, SideCall, ToolCall, ToolResult
from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Usage


class BadLine(ValueError):
    """A line that says nothing; the message tells why."""

    def __init__(self, number: int, problem: Exception) -> None:
        self.number = number
        """Of the line, from 0."""
        words: dict[type[Exception], str] = {KeyError: f"no {problem}", IndexError: "words are missing"}
        super().__init__(words.get(type(problem), str(problem)))


def read_skeleton(nodeid: str, text: str) -> Profile:
    """Raises BadLine."""
    took = 0
    calls: list[ModelCall] = []
    spans: list[Span] = []
    for number, line in enumerate(text.split("\n")):
        try:
            words, values = _words(line)
            if words[0] == "call":
                calls.append(_read_call(len(calls), words, values))
            elif number:
                spans.append(_read_span(len(spans) + 1, words, values))
            else:
                took = int(values.pop("took"))
            _nothing_else(values)
        except (KeyError, ValueError, IndexError) as problem:
            raise BadLine(number, problem) from None
    return Profile(
        nodeid=nodeid,
        clock=ClockKind.VIRTUAL,
        latency_ns=took * US,
        calls=tuple(calls),
        spans=tuple(spans),
    )


def _read_call(number: int, words: list[str], values: dict[str, str]) -> ModelCall:
    take = values.pop
    start = int(take("at")) * US
    first, took = take("first", None), take("took", None)
    status = take("status", "200")
    counts: dict[str, Any] = {field: int(take(word)) for word, field in USAGE.items() if word in values}
    usage = None if take("usage", None) else Usage(**counts, estimated=bool(take("estimated", "")))
    system, system_size = _sized(take("system", ""))
    tools, tools_size = _sized(take("tools", ""))
    parallel = take("parallel", None)
    talk = take("talk", "").split(":")
    messages = (
        (
            Message(role="assistant", digest="", size=int(talk[1])),
            Message(role="user", digest=talk[0], size=int(talk[2])),
        )
        if len(talk) == 3
        else (Message(role="assistant", digest="", size=0), Message(role="user", digest="", size=0))
    )
    return ModelCall(
        index=number,
        provider=unquote(words[1]),
        api=words[2],
        model=unquote(words[3]),
        requested_model=_maybe(unquote, take("asked", None)),
        operation=cast("Any", take("op", "chat")),
        service_tier=_maybe(unquote, take("tier", None)),
        turn=int(take("turn")),
        span=_maybe(int, take("within", None)),
        status=None if status == "none" else int(status),
        error=_maybe(unquote, take("error", None)),
        start_ns=start,
        first_byte_ns=None if first is None else start + int(first) * US,
        end_ns=None if took is None else start + int(took) * US,
        timing=Timing(take("timing", "recorded")),
        origin=Origin.REPLAYED,
        streamed=bool(take("streamed", "")),
        usage=usage,
        wire_cost=_maybe(_money, take("stated_usd", None)),
        side_calls=tuple(map(_read_side, _parts(take("side", "")))),
        prompt=Prompt(
            system_digest=system,
            system_size=system_size,
            tools_digest=tools,
            tools_size=tools_size,
            parallel_tools=None if parallel is None else parallel == "true",
            messages=messages,
            results=tuple(map(_read_result, _parts(take("results", "")))),
        ),
        request_size=int(take("sent", "0")),
        response_size=int(take("received", "0")),
        tool_calls=tuple(
            ToolCall(id=f"{number + 1}.{place}", name=unquote(name), arguments="")
            for place, name in enumerate(_parts(take("asks", "")), 1)
        ),
        server_tools=tuple(map(unquote, _parts(take("server_tools", "")))),
        answer_digest=take("answer", ""),
    )


def _read_span(number: int, words: list[str], values: dict[str, str]) -> Span:
    take = values.pop
    start = int(take("at")) * US
    call = take("call", None)
    return Span(
        id=number,
        parent=_maybe(int, take("within", None)),
        kind=SpanKind(words[0]),
        name=unquote(words[1]),
        start_ns=start,
        end_ns=start + int(take("took")) * US,
        error=_maybe(unquote, take("error", None)),
        call=None if call is None else int(call) - 1,
        call_id=take("id", None),
    )


def _read_side(text: str) -> SideCall:
    kind, model, *counts = text.split(":")
    fields: dict[str, Any] = dict(zip(USAGE.values(), map(int, counts), strict=True))
    usage = Usage(**fields)
    return SideCall(kind=unquote(kind), model=unquote(model) or None, usage=usage)


def _read_result(text: str) -> ToolResult:
    call_id, digest, size = text.split(":")
    return ToolResult(call_id=call_id, digest=digest, size=int(size))


def _words(line: str) -> tuple[list[str], dict[str, str]]:
    words, values = [], {}
    for word in line.split():
        key, equals, value = word.partition("=")
        if equals:
            values[key] = value
        elif key in ("streamed", "estimated"):
            values[key] = key
        else:
            words.append(word)
    return words, values


def _money(text: str) -> str:
    try:
        return str(Decimal(text))
    except ArithmeticError:
        raise ValueError(f"not an amount: {text!r}") from None


def _nothing_else(values: dict[str, str]) -> None:
    if values:
        raise ValueError(f"unknown {next(iter(values))!r}")


def _parts(text: str) -> list[str]:
    return text.split(",") if text else []


def _sized(text: str) -> tuple[str, int]:
    digest, _, size = text.partition(":")
    return digest, int(size or 0)


def _maybe(make: Callable[[str], Any], text: str | None) -> Any:
    return None if text is None else make(text)
