"""Anthropic messages: direct, on Vertex, and as Bedrock's `invoke` carries them.

https://docs.anthropic.com/en/api/messages and .../messages-streaming
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_agentperf.decode.json_ import compact, count, obj, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result
from pytest_agentperf.model.call import SideCall, ToolCall
from pytest_agentperf.model.usage import Usage

API: Final = "anthropic-messages"
OPERATION: Final = "chat"


def asks(payload: Payload) -> bool:
    """`messages` at Anthropic's address or with what no other format has."""
    request = payload.request
    if not objs(request.get("messages")):
        return False
    own = "anthropic_version" in request or isinstance(request.get("system"), (str, list))
    return (
        own or payload.path.endswith("/messages") or any("input_schema" in tool for tool in objs(request.get("tools")))
    )


def answers(payload: Payload) -> bool:
    return any(
        event.get("type") == "message_start"
        or (event.get("type") == "message" and isinstance(event.get("content"), list))
        for event in payload.body.sample
    )


def ask(payload: Payload) -> Ask:
    request = payload.request
    system, messages, tools = (request.get("system"), objs(request.get("messages")), objs(request.get("tools")))
    blocks = [block for message in messages for block in objs(message.get("content"))]
    disabled = obj(request.get("tool_choice")).get("disable_parallel_tool_use")
    return Ask(
        model=text(request.get("model")),
        prompt=prompt(
            system=[system] if isinstance(system, str) and system else objs(system),
            tools=tools,
            names=[text(tool.get("name")) or text(tool.get("type")) for tool in tools],
            messages=messages,
            results=[
                result(block.get("tool_use_id"), block.get("content"))
                for block in blocks
                if block.get("type") == "tool_result"
            ],
            parallel=not disabled if isinstance(disabled, bool) else None,
        ),
        said=(system or (), messages, tools),
    )


def answer(payload: Payload) -> Answer:
    body = payload.body.answer or _fold(payload)
    content = objs(body.get("content"))
    usage = obj(body.get("usage"))
    return Answer(
        model=text(body.get("model")),
        id=text(body.get("id")),
        usage=_usage(usage),
        side_calls=tuple(_side_calls(usage)),
        service_tier="fast" if usage.get("speed") == "fast" else text(usage.get("service_tier")),
        tool_calls=tuple(
            ToolCall(
                id=text(block.get("id")) or None,
                name=text(block.get("name")),
                arguments=compact(block.get("input", {})),
            )
            for block in content
            if block.get("type") == "tool_use"
        ),
        server_tools=tuple(
            text(block.get("name")) for block in content if block.get("type") in ("server_tool_use", "mcp_tool_use")
        ),
        finish=text(body.get("stop_reason")),
        text="".join(text(block.get("text")) for block in content if block.get("type") == "text"),
        thoughts="".join(text(block.get("thinking")) for block in content),
        complete=bool(payload.body.answer) or bool(body.get("stop_reason")),
    )


def _usage(raw: dict[str, Any]) -> Usage | None:
    """`input_tokens` leaves cache reads and writes out here; the split by lifetime may stay 0 beside a full total."""
    given, output = count(raw.get("input_tokens")), count(raw.get("output_tokens"))
    if given is None and output is None:
        return None
    split = obj(raw.get("cache_creation"))
    read = count(raw.get("cache_read_input_tokens"))
    hour = count(split.get("ephemeral_1h_input_tokens"))
    total = count(raw.get("cache_creation_input_tokens"))
    parts = (hour or 0) + (count(split.get("ephemeral_5m_input_tokens")) or 0)
    written = max(total or 0, parts) if total is not None or split else None
    return Usage(
        input=None if given is None else given + (read or 0) + (written or 0),
        output=output,
        cache_read=read,
        cache_write=written,
        cache_write_1h=hour,
        reasoning=count(obj(raw.get("output_tokens_details")).get("thinking_tokens")),
    )


def _side_calls(raw: dict[str, Any]) -> Iterator[SideCall]:
    """Of the iterations, those that the top level leaves out; the others are its parts."""
    for iteration in objs(raw.get("iterations")):
        usage = _usage(iteration)
        if iteration.get("type") in ("compaction", "advisor_message") and usage:
            yield SideCall(kind=iteration["type"], model=text(iteration.get("model")) or None, usage=usage)


def _fold(payload: Payload) -> dict[str, Any]:
    """The message that the same call would have answered unstreamed. Usage in `message_delta` replaces what began the stream."""
    message: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    blocks: dict[object, dict[str, Any]] = {}
    for event in payload.body.events:
        match event.get("type"):
            case "message_start":
                message = dict(obj(event.get("message")))
                usage = dict(obj(message.get("usage")))
            case "content_block_start":
                blocks[compact(event.get("index"))] = dict(obj(event.get("content_block")))
            case "content_block_delta":
                _add_delta(blocks.setdefault(compact(event.get("index")), {}), obj(event.get("delta")))
            case "message_delta":
                message |= {key: value for key, value in obj(event.get("delta")).items() if value is not None}
                usage |= {key: value for key, value in obj(event.get("usage")).items() if value is not None}
    return {**message, "usage": usage, "content": list(blocks.values())}


def _add_delta(block: dict[str, Any], delta: dict[str, Any]) -> None:
    for key in ("text", "thinking"):
        if isinstance(delta.get(key), str):
            block[key] = text(block.get(key)) + delta[key]
    piece = delta.get("partial_json")
    if (
        isinstance(piece, str) and piece
    ):  # a call begins with an empty object as its input, then the text of the real one comes
        block["input"] = text(block.get("input")) + piece
