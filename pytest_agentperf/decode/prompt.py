"""What a request asks, as digests and sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_agentperf.decode.json_ import canonical, compact, digest, obj, objs, parse, text
from pytest_agentperf.model.call import Message, Prompt, ToolCall, ToolResult


def prompt(
    *,
    system: Sequence[object] = (),
    tools: Sequence[object] = (),
    names: Iterable[str] = (),
    messages: Iterable[dict[str, Any]] = (),
    results: Iterable[ToolResult] = (),
    parallel: object = None,
    previous: object = None,
) -> Prompt:
    """`system`, `tools` and `messages` as the request holds them, without cache hints."""
    offered = tuple(name for name in names if name)
    each = [canonical(tool) for tool in tools]
    sizes = tuple(map(len, each)) if len(each) == len(offered) else tuple(_sizes_within(tools))
    system_json = canonical(list(system)) if system else b""
    tools_json = b"[%b]" % b",".join(each) if each else b""
    return Prompt(
        system_digest=digest(system_json) if system_json else "",
        system_size=len(system_json),
        tools_digest=digest(tools_json) if tools_json else "",
        tools_size=len(tools_json),
        tools=offered,
        tool_sizes=sizes if len(sizes) == len(offered) else (),
        parallel_tools=parallel if isinstance(parallel, bool) else None,
        messages=tuple(_message(message) for message in messages),
        results=tuple(results),
        previous_id=text(previous) or None,
    )


def _sizes_within(tools: Sequence[object]) -> Iterator[int]:
    """Of the functions that Gemini groups."""
    for tool in map(obj, tools):
        grouped = objs(tool.get("functionDeclarations")) or objs(tool.get("function_declarations"))
        yield from (len(canonical(function)) for function in grouped or [tool])


def _message(message: dict[str, Any]) -> Message:
    data = canonical(_plain(message))
    return Message(
        role=text(message.get("role")) or text(message.get("type")) or "user", digest=digest(data), size=len(data)
    )


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """A content of one text block means the same as the text alone; clients write a block where they need one for a hint."""
    match message.get("content"):
        case [{"type": "text" | "input_text", "text": str(only), **rest}] if not rest:
            return {**message, "content": only}
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(ToolResult):
    """A result with its JSON, for as long as it takes to see who draws on it."""

    json: bytes


def result(call_id: object, content: object) -> Told:
    """The result of a tool that a message carries."""
    data = canonical(content)
    return Told(call_id=text(call_id) or None, digest=digest(data), size=len(data), json=data)


def forget_texts(asked: Prompt) -> Prompt:
    """Only digests and sizes are kept."""
    kept = (ToolResult(call_id=found.call_id, digest=found.digest, size=found.size) for found in asked.results)
    return replace(asked, results=tuple(kept)) if asked.results else asked


_WORD = re.compile(r"\w{3,}|\d{2,}|[a-zA-Z]\d")


def drawing(calls: Sequence[ToolCall], asked: Prompt) -> tuple[ToolCall, ...]:
    """The calls with `draws_on` filled: the results that a word of three letters, a number of two digits or a name like `b2` came from.

    Rather too many than too few: a word that stands in both by chance counts.
    """
    if not asked.results:
        return tuple(calls)
    return tuple(replace(call, draws_on=_draws_on(call.arguments, asked)) for call in calls)


def _draws_on(arguments: str, asked: Prompt) -> tuple[int, ...]:
    found = {word.encode() for value in _values(parse(arguments)) for word in _WORD.findall(value)}
    return tuple(
        at
        for at, told in enumerate(asked.results)
        if isinstance(told, Told) and any(word in told.json for word in found)
    )


def _values(value: object) -> Iterator[str]:
    """Texts and numbers in a JSON value, as texts; keys are the tool's own words."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _values(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


_SKIPPED = frozenset(
    (
        *("type", "role", "status", "detail", "format"),
        *("id", "call_id", "tool_call_id", "tool_use_id", "toolUseId", "file_id"),
        *("signature", "thoughtSignature", "thought_signature", "encrypted_content"),
        *("data", "bytes", "url", "image_url", "file_data", "media_type", "mimeType", "mime_type"),
    )
)
"""Keys whose texts a model does not read as text."""
_STRUCTURED = frozenset(
    (
        *("input", "args", "arguments", "parameters", "response"),
        *("input_schema", "inputSchema", "parameters_json_schema", "parametersJsonSchema", "parameter_definitions"),
    )
)
"""Keys whose objects it reads as JSON."""


def words(*values: object) -> str:
    """The texts in messages and blocks, one a line: what a token counter should see."""
    found: list[str] = []
    _gather(values, found)
    return "\n".join(found)


def _gather(value: object, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _gather(item, found)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _STRUCTURED and isinstance(item, dict):
                found.append(compact(item))
            elif key not in _SKIPPED:
                _gather(item, found)
