"""Cohere's chat and generate, version 1: https://docs.cohere.com/v1/reference/chat"""

from __future__ import annotations

from typing import Any, Final

from pytest_agentperf.decode.cohere import read_failure, read_usage
from pytest_agentperf.decode.json_ import compact, obj, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result
from pytest_agentperf.model.call import ToolCall

API: Final = "cohere-v1"
OPERATION: Final = "chat"


def asks(payload: Payload) -> bool:
    """A `message` with its history, or at the address of the chat."""
    named = payload.path.endswith(("/v1/chat", "/invoke", "/invoke-with-response-stream"))
    return isinstance(payload.request.get("message"), str) and (named or "chat_history" in payload.request)


def answers(payload: Payload) -> bool:
    return any(
        event.get("event_type") == "stream-start"
        or ("generation_id" in event and isinstance(event.get("text"), str))
        or any("text" in generation for generation in objs(event.get("generations")))
        for event in payload.body.sample
    )


def ask(payload: Payload) -> Ask:
    request = payload.request
    given = text(request.get("message")) or text(request.get("prompt"))
    history, tools = objs(request.get("chat_history")), objs(request.get("tools"))
    preamble = text(request.get("preamble"))
    results = objs(request.get("tool_results"))
    messages = history + ([{"role": "USER", "message": given}] if given else [])
    messages += [{"role": "TOOL", "tool_results": results}] if results else []
    return Ask(
        model=text(request.get("model")),
        prompt=prompt(
            system=[preamble] if preamble else [],
            tools=tools,
            names=[text(tool.get("name")) for tool in tools],
            messages=messages,
            results=[result(None, found.get("outputs")) for found in results],
        ),
        said=(preamble, messages, tools),
    )


def answer(payload: Payload) -> Answer:
    body = payload.body.answer or _last(payload)
    generations = objs(body.get("generations"))
    pieces = "".join(text(event.get("text")) for event in payload.body.events if not event.get("is_finished"))
    finish = text(body.get("finish_reason")) or next((text(g.get("finish_reason")) for g in generations), "")
    return Answer(
        id=text(body.get("response_id")) or text(body.get("id")),
        usage=read_usage(obj(body.get("meta"))),
        tool_calls=tuple(
            ToolCall(id=None, name=text(call.get("name")), arguments=compact(call.get("parameters") or {}))
            for call in objs(body.get("tool_calls"))
        ),
        finish=finish,
        text=text(body.get("text")) or "".join(text(g.get("text")) for g in generations) or pieces,
        error=read_failure(finish),
        complete=bool(payload.body.answer) or bool(body),
    )


def _last(payload: Payload) -> dict[str, Any]:
    """The last event of a stream holds the whole answer."""
    last = payload.body.events[-1]
    return (
        obj(last.get("response")) | {k: v for k, v in last.items() if k != "response"}
        if last.get("is_finished")
        else {}
    )
