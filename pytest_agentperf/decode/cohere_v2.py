"""Cohere's chat, version 2: https://docs.cohere.com/reference/chat and .../chat-stream"""

from __future__ import annotations

from typing import Any, Final

from pytest_agentperf.decode.cohere import read_failure, read_usage
from pytest_agentperf.decode.json_ import compact, obj, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result
from pytest_agentperf.model.call import ToolCall

API: Final = "cohere-v2"
OPERATION: Final = "chat"


def asks(payload: Payload) -> bool:
    return bool(objs(payload.request.get("messages"))) and payload.path.endswith("/v2/chat")


def answers(payload: Payload) -> bool:
    return any(
        event.get("type") == "message-start"
        or ("finish_reason" in event and obj(event.get("message")).get("role") == "assistant")
        for event in payload.body.sample
    )


def ask(payload: Payload) -> Ask:
    request = payload.request
    messages, tools = objs(request.get("messages")), objs(request.get("tools"))
    first = next((i for i, m in enumerate(messages) if m.get("role") not in ("system", "developer")), len(messages))
    return Ask(
        model=text(request.get("model")),
        prompt=prompt(
            system=[message.get("content") for message in messages[:first]],
            tools=tools,
            names=[text(obj(tool.get("function")).get("name")) for tool in tools],
            messages=messages[first:],
            results=[result(m.get("tool_call_id"), m.get("content")) for m in messages if m.get("role") == "tool"],
        ),
        said=(messages, tools),
    )


def answer(payload: Payload) -> Answer:
    body = payload.body.answer or _fold(payload)
    message = obj(body.get("message"))
    content, finish = objs(message.get("content")), text(body.get("finish_reason"))
    return Answer(
        id=text(body.get("id")),
        usage=read_usage(obj(body.get("usage"))),
        tool_calls=tuple(
            ToolCall(
                id=text(call.get("id")) or None,
                name=text(function.get("name")),
                arguments=compact(function.get("arguments") or "{}"),
            )
            for call in objs(message.get("tool_calls"))
            if (function := obj(call.get("function")))
        ),
        finish=finish,
        text="".join(text(block.get("text")) for block in content),
        thoughts="".join(text(block.get("thinking")) for block in content) + text(message.get("tool_plan")),
        error=read_failure(finish, body.get("error")),
        complete=bool(payload.body.answer) or bool(finish),
    )


def _fold(payload: Payload) -> dict[str, Any]:
    """The body that the same call would have answered unstreamed."""
    body: dict[str, Any] = {}
    blocks: dict[str, dict[str, Any]] = {}
    calls: dict[str, dict[str, Any]] = {}
    plan = ""
    for event in payload.body.events:
        delta, index = obj(event.get("delta")), compact(event.get("index"))
        message = obj(delta.get("message"))
        match event.get("type"):
            case "message-start":
                body["id"] = event.get("id")
            case "content-start" | "content-delta":
                block = blocks.setdefault(index, {})
                for key in ("text", "thinking"):
                    block[key] = text(block.get(key)) + text(obj(message.get("content")).get(key))
            case "tool-plan-delta":
                plan += text(message.get("tool_plan"))
            case "tool-call-start":
                call = obj(message.get("tool_calls"))
                calls[index] = {**call, "function": dict(obj(call.get("function")))}
            case "tool-call-delta" if index in calls:
                piece = obj(obj(message.get("tool_calls")).get("function")).get("arguments")
                function = calls[index]["function"]
                function["arguments"] = text(function.get("arguments")) + text(piece)
            case "message-end":
                body |= delta
    message = {"content": list(blocks.values()), "tool_calls": list(calls.values()), "tool_plan": plan}
    return {**body, "message": message}
