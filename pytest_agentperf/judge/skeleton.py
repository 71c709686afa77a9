"""What of a profile is worth keeping to compare with: equal for runs that do the same, and without a word of a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from pytest_agentperf.model.call import MODEL_ROLES, Message, ModelCall, Prompt, ToolCall, ToolResult
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Usage

_US = 1_000


def skeleton(profile: Profile) -> Profile:
    """A profile cut down to what baselines store.

    Calls are numbered from 0 and spans from 1; tools, and the timers that directly hold a call, are the spans that stay,
    but for tools that only the detector saw: it needs Python 3.12, and a baseline is the same on every Python.
    Times are whole microseconds. A tool call's id is `1.2` for the second that the first call asks for, and a result names
    it. Of a prompt stay digests and sizes: of the system prompt, the tools, each result, the model's own messages together
    (role `assistant`) and all others together (role `user`, without the results, its digest that of all messages). The
    `answer_digest` tells recordings apart: another recording of the same answer has another one.
    """
    spans, ids = _spans(profile)
    numbers = {call.index: number for number, call in enumerate(profile.calls)}
    asked = {
        tool.id: (f"{number}.{place}", tool.name)
        for number, call in enumerate(profile.calls, 1)
        for place, tool in enumerate(call.tool_calls, 1)
        if tool.id
    }
    return Profile(
        nodeid=profile.nodeid,
        clock=profile.clock,
        latency_ns=_floor(profile.latency_ns),
        calls=tuple(_call(number, call, ids, asked) for number, call in enumerate(profile.calls)),
        spans=tuple(_span(span, ids, numbers, asked) for span in spans),
        unmodelled=profile.unmodelled,
    )


def agent_of(profile: Profile, call: ModelCall) -> str:
    """The innermost timer around a call, else the tool that it works for; empty where there is neither."""
    around = list(_upwards({span.id: span for span in profile.spans}, call.span))
    timers = [span.name for span in around if span.kind is SpanKind.TIMER]
    return next(iter([*timers, *(span.name for span in around)]), "")


def _spans(profile: Profile) -> tuple[list[Span], dict[int, int]]:
    """The spans that stay, and for each id there was, that of the innermost one that stays."""
    holding = {call.span for call in profile.calls}
    kept: list[Span] = []
    ids: dict[int, int] = {}
    for span in profile.spans:  # parents start before their children
        if (span.kind is SpanKind.TOOL and span.source != "detector") or span.id in holding:
            kept.append(span)
            ids[span.id] = len(kept)
        elif span.parent in ids:
            ids[span.id] = ids[span.parent]
    return kept, ids


def _span(span: Span, ids: Mapping[int, int], numbers: Mapping[int, int], asked: Mapping[str, tuple[str, str]]) -> Span:
    return Span(
        id=ids[span.id],
        parent=ids.get(span.parent) if span.parent else None,
        kind=span.kind,
        name=span.name,
        start_ns=_floor(span.start_ns),
        end_ns=_floor(span.end_ns),
        error=span.error,
        call=None if span.call is None else numbers.get(span.call),
        call_id=asked.get(span.call_id, ("", ""))[0] or None if span.call_id else None,
    )


def _call(number: int, call: ModelCall, ids: Mapping[int, int], asked: Mapping[str, tuple[str, str]]) -> ModelCall:
    start = _floor(call.start_ns)
    return replace(
        call,
        index=number,
        response_id=None,
        tool_calls=tuple(
            ToolCall(id=f"{number + 1}.{place}", name=tool.name, arguments="")
            for place, tool in enumerate(call.tool_calls, 1)
        ),
        usage=call.usage and _usage(call.usage),
        finish=None,
        prompt=_prompt(call.prompt, asked),
        answer_digest=_short(call.response_id or "", call.request_id or "", call.answer_digest),
        request_id=None,
        rate_limit=(),
        cost=None,
        stated=None,
        start_ns=start,
        first_byte_ns=None if call.first_byte_ns is None else _floor(call.first_byte_ns),
        end_ns=None if call.end_ns is None else _floor(call.end_ns),
        span=None if call.span is None else ids.get(call.span),
        thread=0,
    )


def _usage(usage: Usage) -> Usage:
    """A part that is 0 and one that nobody stated are the same."""
    parts: dict[str, Any] = {name: getattr(usage, name) or None for name in _PARTS}
    return replace(usage, **parts)


_PARTS = ("cache_read", "cache_write", "cache_write_1h", "reasoning", "audio_input", "audio_output")


def _prompt(prompt: Prompt, asked: Mapping[str, tuple[str, str]]) -> Prompt:
    results = tuple(
        ToolResult(call_id=asked.get(result.call_id or "", ("", ""))[0], digest=result.digest[:8], size=result.size)
        for result in prompt.results
    )
    own = sum(message.size for message in prompt.messages if message.role.lower() in MODEL_ROLES)
    rest = sum(message.size for message in prompt.messages) - own - sum(result.size for result in results)
    talk = _short(*(message.digest for message in prompt.messages)) if prompt.messages else ""
    return Prompt(
        system_digest=prompt.system_digest[:8],
        system_size=prompt.system_size,
        tools_digest=prompt.tools_digest[:8],
        tools_size=prompt.tools_size,
        parallel_tools=prompt.parallel_tools,
        messages=(
            Message(role="assistant", digest="", size=own),
            Message(role="user", digest=talk, size=max(0, rest)),
        ),
        results=results,
    )


def _upwards(spans: Mapping[int, Span], innermost: int | None) -> Iterator[Span]:
    while innermost is not None and innermost in spans:
        yield spans[innermost]
        innermost = spans[innermost].parent


def _short(*texts: str) -> str:
    return blake2b("\n".join(texts).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _floor(ns: int) -> int:
    return ns - ns % _US
