"""What of a profile is worth keeping to compare with, as lines of text: equal for runs that do the same.

One line for the test, one for each call and span, `key=value` for what is not usual, and not a word of a prompt. Calls and
spans are numbered from 1; tools, and the timers that directly hold a call, are the spans that stay, but for tools that only
the detector saw: it needs Python 3.12, and a baseline is the same on every Python. Times are whole microseconds. A tool
call's id is `1.2` for the second that the first call asks for, and a result names it. Of a prompt stay digests and sizes: of
the system prompt, the tools, each result, and as `talk` of all messages, the digest together, the sizes apart for the
model's own and for all others without the results. The `answer` tells recordings apart: another recording of the same
answer has another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any
from urllib.parse import quote

from pytest_agentperf.model.call import MODEL_ROLES, ModelCall, Prompt, SideCall, ToolResult
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Usage

US = 1_000
"""Nanoseconds of the unit in which times are written."""
USAGE = {
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
PARTS = tuple(word for word in USAGE if word not in ("input", "output"))
"""Left out where they are 0."""
_counts = attrgetter(*USAGE.values())

Ids = Mapping[int | None, int]
"""Of spans, to the numbers of those that stay."""
Asked = Mapping[str | None, str]
"""Tool calls by the model's names for them, to `1.2`."""


def write_skeleton(profile: Profile) -> str:
    kept, ids = _spans(profile)
    numbers: dict[int | None, int] = {call.index: number for number, call in enumerate(profile.calls, 1)}
    asked: Asked = {
        tool.id: f"{number}.{place}"
        for number, call in enumerate(profile.calls, 1)
        for place, tool in enumerate(call.tool_calls, 1)
        if tool.id
    }
    lines = [f" test took={profile.latency_ns // US}"]
    lines += [_call(call, ids, asked) for call in profile.calls]
    lines += [_span(span, ids, numbers, asked) for span in kept]
    return "\n".join(lines)


def without_times(text: str) -> str:
    """The lines of a skeleton, but not when and how long."""
    return _TIMES.sub("", text)


_TIMES = re.compile(r" (?:at|first|took)=\S+")


def _spans(profile: Profile) -> tuple[list[Span], Ids]:
    """The spans that stay, and for each id there was, the number of the innermost one that stays."""
    holding = {call.span for call in profile.calls}
    kept: list[Span] = []
    ids: dict[int | None, int] = {}
    for span in profile.spans:  # parents start before their children
        if (span.kind is SpanKind.TOOL and span.source != "detector") or span.id in holding:
            kept.append(span)
            ids[span.id] = len(kept)
        elif span.parent in ids:
            ids[span.id] = ids[span.parent]
    return kept, ids


def _call(call: ModelCall, ids: Ids, asked: Asked) -> str:
    prompt, start = call.prompt, call.start_ns // US
    words: tuple[Any, ...] = (
        f" call {_quoted(call.provider)} {call.api} {_quoted(call.model)}",
        call.requested_model and f"asked={_quoted(call.requested_model)}",
        call.operation != "chat" and f"op={call.operation}",
        call.service_tier and f"tier={_quoted(call.service_tier)}",
        f"turn={call.turn}",
        call.span in ids and f"within={ids[call.span]}",
        call.status != 200 and f"status={call.status or 'none'}",
        call.error and f"error={_quoted(call.error)}",
        f"at={start}",
        call.first_byte_ns is not None and f"first={call.first_byte_ns // US - start}",
        call.end_ns is not None and f"took={call.end_ns // US - start}",
        call.timing is not Timing.RECORDED and f"timing={call.timing.value}",
        call.streamed and "streamed",
        _usage(call.usage),
        call.wire_cost and f"stated_usd={call.wire_cost}",
        call.side_calls and f"side={','.join(map(_side, call.side_calls))}",
        prompt.system_digest and f"system={prompt.system_digest[:8]}:{prompt.system_size}",
        prompt.tools_digest and f"tools={prompt.tools_digest[:8]}:{prompt.tools_size}",
        prompt.parallel_tools is not None and f"parallel={str(prompt.parallel_tools).lower()}",
        prompt.messages and _talk(prompt),
        prompt.results and f"results={','.join(_result(result, asked) for result in prompt.results)}",
        f"sent={call.request_size}",
        f"received={call.response_size}",
        call.tool_calls and f"asks={','.join(_quoted(tool.name) for tool in call.tool_calls)}",
        call.server_tools and f"server_tools={','.join(map(_quoted, call.server_tools))}",
        f"answer={_short((call.response_id or '', call.request_id or call.date or '', call.answer_digest))}",
    )
    return " ".join(filter(None, words))


def _usage(usage: Usage | None) -> str:
    """A part that is 0 and one that nobody stated are the same."""
    if usage is None:
        return "usage=none"
    counts = zip(USAGE, _counts(usage), strict=True)
    words = [f"{word}={count}" for word, count in counts if count or (count == 0 and word not in PARTS)]
    return " ".join([*words, "estimated"] if usage.estimated else words)


def _talk(prompt: Prompt) -> str:
    own = sum([message.size for message in prompt.messages if message.role.lower() in MODEL_ROLES])
    results = sum([result.size for result in prompt.results])
    rest = sum([message.size for message in prompt.messages]) - own - results
    return f"talk={_short([message.digest for message in prompt.messages])}:{own}:{max(0, rest)}"


def _result(result: ToolResult, asked: Asked) -> str:
    return f"{asked.get(result.call_id, '')}:{result.digest[:8]}:{result.size}"


def _side(side: SideCall) -> str:
    counts = (str(count or 0) for count in _counts(side.usage))
    names = (_quoted(text).replace(":", "%3A") for text in (side.kind, side.model or ""))
    return ":".join((*names, *counts))


def _span(span: Span, ids: Ids, numbers: Mapping[int | None, int], asked: Asked) -> str:
    start = span.start_ns // US
    words: tuple[Any, ...] = (
        f" {span.kind.value} {_quoted(span.name)} at={start} took={span.end_ns // US - start}",
        span.parent in ids and f"within={ids[span.parent]}",
        span.error and f"error={_quoted(span.error)}",
        span.call in numbers and f"call={numbers[span.call]}",
        span.call_id in asked and f"id={asked[span.call_id]}",
    )
    return " ".join(filter(None, words))


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return quote(text, safe="/@+.-_~#:", errors="replace")


def _short(texts: Iterable[str]) -> str:
    return blake2b("\n".join(texts).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
