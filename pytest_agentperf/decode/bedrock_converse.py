"""Bedrock's converse, whole or as an event stream; Nova speaks it under `invoke`, too.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and .../API_runtime_ConverseStream.html
"""

from __future__ import annotations

from typing import Any, Final

from pytest_agentperf.decode.json_ import compact, count, obj, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result
from pytest_agentperf.model.call import ToolCall
from pytest_agentperf.model.usage import Usage

API: Final = "bedrock-converse"
OPERATION: Final = "chat"


def asks(payload: Payload) -> bool:
    """Messages whose blocks carry no `type`."""
    if not objs(payload.request.get("messages")):
        return False
    own = any(key in payload.request for key in ("inferenceConfig", "toolConfig", "schemaVersion"))
    return own or payload.path.endswith(("/converse", "/converse-stream"))


def answers(payload: Payload) -> bool:
    return any(
        "messageStart" in event or ("stopReason" in event and isinstance(obj(event.get("output")).get("message"), dict))
        for event in payload.body.sample
    )


def ask(payload: Payload) -> Ask:
    request = payload.request
    system, messages = objs(request.get("system")), objs(request.get("messages"))
    tools = objs(obj(request.get("toolConfig")).get("tools"))
    results = [obj(block.get("toolResult")) for message in messages for block in objs(message.get("content"))]
    return Ask(
        prompt=prompt(
            system=system,
            tools=tools,
            names=[text(obj(tool.get("toolSpec")).get("name")) or next(iter(tool), "") for tool in tools],
            messages=messages,
            results=[result(found.get("toolUseId"), found.get("content")) for found in results if found],
        ),
        said=(system, messages, tools),
    )


def answer(payload: Payload) -> Answer:
    body = payload.body.answer or _fold(payload)
    content = objs(obj(obj(body.get("output")).get("message")).get("content"))
    calls = [obj(block.get("toolUse")) for block in content if obj(block.get("toolUse"))]
    return Answer(
        usage=_usage(obj(body.get("usage"))),
        service_tier=text(obj(body.get("serviceTier")).get("type")),
        tool_calls=tuple(
            ToolCall(
                id=text(c.get("toolUseId")) or None, name=text(c.get("name")), arguments=compact(c.get("input") or {})
            )
            for c in calls
            if c.get("type") != "server_tool_use"
        ),
        server_tools=tuple(text(c.get("name")) for c in calls if c.get("type") == "server_tool_use"),
        finish=text(body.get("stopReason")),
        text="".join(text(block.get("text")) for block in content),
        thoughts="".join(_thought(block) for block in content),
        complete=bool(payload.body.answer) or bool(body.get("stopReason")),
    )


def _thought(block: dict[str, Any]) -> str:
    """Whole answers nest the text once more than deltas do."""
    thought = obj(block.get("reasoningContent"))
    return text(obj(thought.get("reasoningText")).get("text")) or text(thought.get("text"))


def _usage(raw: dict[str, Any]) -> Usage | None:
    """`inputTokens` leaves out what the cache served or took; `invoke` names those two with `Count`."""
    given, output = count(raw.get("inputTokens")), count(raw.get("outputTokens"))
    if given is None and output is None:
        return None
    read = count(raw.get("cacheReadInputTokens"), raw.get("cacheReadInputTokenCount"))
    written = count(raw.get("cacheWriteInputTokens"), raw.get("cacheWriteInputTokenCount"))
    hour = [count(part.get("inputTokens")) or 0 for part in objs(raw.get("cacheDetails")) if part.get("ttl") == "1h"]
    return Usage(
        input=None if given is None else given + (read or 0) + (written or 0),
        output=output,
        cache_read=read,
        cache_write=written,
        cache_write_1h=sum(hour) if hour else None,
    )


def _fold(payload: Payload) -> dict[str, Any]:
    """The body that the same call would have answered unstreamed."""
    body: dict[str, Any] = {}
    blocks: dict[str, dict[str, Any]] = {}
    for event in payload.body.events:
        for name, content in event.items():
            index = compact(obj(content).get("contentBlockIndex"))
            match name:
                case "contentBlockStart":
                    blocks[index] = {key: dict(obj(value)) for key, value in obj(obj(content).get("start")).items()}
                case "contentBlockDelta":
                    _add_delta(blocks.setdefault(index, {}), obj(obj(content).get("delta")))
                case "messageStop":
                    body["stopReason"] = obj(content).get("stopReason")
                case "metadata":
                    body |= obj(content)
    return {**body, "output": {"message": {"content": list(blocks.values())}}}


def _add_delta(block: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, piece in delta.items():
        if isinstance(piece, str):  # text
            block[key] = text(block.get(key)) + piece
        elif isinstance(piece, dict):  # toolUse.input, reasoningContent.text
            _add_delta(block.setdefault(key, {}), piece)
