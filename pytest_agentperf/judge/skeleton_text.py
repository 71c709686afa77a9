"""A skeleton as lines of text and back: one for the test, one for each call and span, `key=value` for what is not usual."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import Any, cast
from urllib.parse import quote, unquote

from pytest_agentperf.model.call import Message, ModelCall, Prompt, SideCall, ToolCall, ToolResult
from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Usage

_US = 1_000
_USAGE = {
    "input": "input",
    "output": "output",
    "read": "cache_read",
    "write": "cache_write",
    "write_1h": "cache_write_1h",
    "reasoning": "reasoning",
    "audio_in": "audio_input",
    "audio_out": "audio_output",
}
"""Word in the file -> field of `Usage`."""


class BadLine(ValueError):
    """A line that says nothing; the message quotes it."""


def write_skeleton(skeleton: Profile) -> str:
    lines = [
        _line("test", took=skeleton.latency_ns // _US),
        *map(_call_line, skeleton.calls),
        *map(_span_line, skeleton.spans),
    ]
    return "\n".join(lines)


def read_skeleton(nodeid: str, text: str) -> Profile:
    """Raises BadLine."""
    head, *lines = text.split("\n")
    _, took = _words(head)
    calls: list[ModelCall] = []
    spans: list[Span] = []
    for line in lines:
        try:
            words, values = _words(line)
            if words[0] == "call":
                calls.append(_read_call(len(calls), words, values))
            else:
                spans.append(_read_span(len(spans) + 1, words, values))
            if values:
                raise BadLine(f"unknown {next(iter(values))!r}")
        except (KeyError, ValueError, IndexError) as problem:
            raise BadLine(f"cannot be read: {line.strip()[:80]!r} ({type(problem).__name__}: {problem})") from None
    return Profile(
        nodeid=nodeid,
        clock=ClockKind.VIRTUAL,
        latency_ns=int(took["took"]) * _US,
        calls=tuple(calls),
        spans=tuple(spans),
    )


def _call_line(call: ModelCall) -> str:
    prompt, usage = call.prompt, call.usage or Usage()
    own, rest = prompt.messages or (Message(role="", digest="", size=0),) * 2
    return _line(
        "call",
        _quoted(call.provider),
        call.api,
        _quoted(call.model),
        asked=call.requested_model and _quoted(call.requested_model),
        op=None if call.operation == "chat" else call.operation,
        tier=call.service_tier and _quoted(call.service_tier),
        turn=call.turn,
        within=call.span,
        status=None if call.status == 200 else call.status or "none",
        error=call.error and _quoted(call.error),
        at=call.start_ns // _US,
        first=None if call.first_byte_ns is None else (call.first_byte_ns - call.start_ns) // _US,
        took=None if call.end_ns is None else (call.end_ns - call.start_ns) // _US,
        timing=None if call.timing is Timing.RECORDED else call.timing.value,
        streamed=call.streamed,
        **{word: getattr(usage, field) for word, field in _USAGE.items()},
        estimated=usage.estimated,
        usage=None if call.usage else "none",
        stated_usd=call.wire_cost,
        side=_joined(_side_word(side) for side in call.side_calls),
        system=prompt.system_digest and f"{prompt.system_digest}:{prompt.system_size}",
        tools=prompt.tools_digest and f"{prompt.tools_digest}:{prompt.tools_size}",
        parallel=None if prompt.parallel_tools is None else str(prompt.parallel_tools).lower(),
        talk=rest.digest and f"{rest.digest}:{own.size}:{rest.size}",
        results=_joined(f"{result.call_id}:{result.digest}:{result.size}" for result in prompt.results),
        sent=call.request_size,
        received=call.response_size,
        asks=_joined(_quoted(tool.name) for tool in call.tool_calls),
        server_tools=_joined(map(_quoted, call.server_tools)),
        answer=call.answer_digest,
    )


def _read_call(number: int, words: list[str], values: dict[str, str]) -> ModelCall:
    take = values.pop
    start = int(take("at")) * _US
    first, took = take("first", None), take("took", None)
    status = take("status", "200")
    counts: dict[str, Any] = {field: int(take(word)) for word, field in _USAGE.items() if word in values}
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
        first_byte_ns=None if first is None else start + int(first) * _US,
        end_ns=None if took is None else start + int(took) * _US,
        timing=Timing(take("timing", "recorded")),
        origin=Origin.REPLAYED,
        streamed=bool(take("streamed", "")),
        usage=usage,
        wire_cost=take("stated_usd", None),
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


def _span_line(span: Span) -> str:
    return _line(
        span.kind.value,
        _quoted(span.name),
        at=span.start_ns // _US,
        took=(span.end_ns - span.start_ns) // _US,
        within=span.parent,
        error=span.error and _quoted(span.error),
        call=None if span.call is None else span.call + 1,
        id=span.call_id,
    )


def _read_span(number: int, words: list[str], values: dict[str, str]) -> Span:
    take = values.pop
    start = int(take("at")) * _US
    call = take("call", None)
    return Span(
        id=number,
        parent=_maybe(int, take("within", None)),
        kind=SpanKind(words[0]),
        name=unquote(words[1]),
        start_ns=start,
        end_ns=start + int(take("took")) * _US,
        error=_maybe(unquote, take("error", None)),
        call=None if call is None else int(call) - 1,
        call_id=take("id", None),
    )


def _side_word(side: SideCall) -> str:
    counts = (str(getattr(side.usage, field) or 0) for field in _USAGE.values())
    names = (_quoted(text).replace(":", "%3A") for text in (side.kind, side.model or ""))
    return ":".join((*names, *counts))


def _read_side(text: str) -> SideCall:
    kind, model, *counts = text.split(":")
    fields: dict[str, Any] = dict(zip(_USAGE.values(), map(int, counts), strict=True))
    usage = Usage(**fields)
    return SideCall(kind=unquote(kind), model=unquote(model) or None, usage=usage)


def _read_result(text: str) -> ToolResult:
    call_id, digest, size = text.split(":")
    return ToolResult(call_id=call_id, digest=digest, size=int(size))


def _line(*words: str, **values: object) -> str:
    """What is None, empty or false is left out; what is true is its name alone."""
    pairs = (
        key if value is True else f"{key}={value}"
        for key, value in values.items()
        if value is not None and value != "" and value is not False
    )
    return " " + " ".join(chain(words, pairs))


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


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return quote(text, safe="/@+.-_~#:", errors="replace")


def _joined(parts: Iterable[str]) -> str:
    return ",".join(parts)


def _parts(text: str) -> list[str]:
    return text.split(",") if text else []


def _sized(text: str) -> tuple[str, int]:
    digest, _, size = text.partition(":")
    return digest, int(size or 0)


def _maybe(make: Callable[[str], Any], text: str | None) -> Any:
    return None if text is None else make(text)
