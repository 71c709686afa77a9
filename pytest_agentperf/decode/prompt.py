"""What a request asks, as digests and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pytest_agentperf.decode.json_ import canonical, compact, digest, text
from pytest_agentperf.model.call import Message, Prompt, ToolResult


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
    system_json, tools_json = (canonical(list(part)) if part else b"" for part in (system, tools))
    return Prompt(
        system_digest=digest(system_json) if system_json else "",
        system_size=len(system_json),
        tools_digest=digest(tools_json) if tools_json else "",
        tools_size=len(tools_json),
        tools=tuple(name for name in names if name),
        parallel_tools=parallel if isinstance(parallel, bool) else None,
        messages=tuple(_message(message) for message in messages),
        results=tuple(results),
        previous_id=text(previous) or None,
    )


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


def result(call_id: object, content: object) -> ToolResult:
    """The result of a tool that a message carries."""
    data = canonical(content)
    return ToolResult(call_id=text(call_id) or None, digest=digest(data), size=len(data))


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
