"""Ollama's own chat and generate: https://github.com/ollama/ollama/blob/main/docs/api.md"""

from __future__ import annotations

from typing import Any, Final

from pytest_agentperf.decode.json_ import compact, count, obj, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result
from pytest_agentperf.model.call import ToolCall
from pytest_agentperf.model.usage import Usage

API: Final = "ollama"
OPERATION: Final = "chat"


def asks(payload: Payload) -> bool:
    return payload.path.endswith(("/api/chat", "/api/generate")) and isinstance(payload.request.get("model"), str)


def answers(payload: Payload) -> bool:
    return any("done" in event and "created_at" in event and "model" in event for event in payload.body.sample)


def ask(payload: Payload) -> Ask:
    request = payload.request
    given, tools = text(request.get("prompt")), objs(request.get("tools"))
    messages = objs(request.get("messages")) or ([{"role": "user", "content": given}] if given else [])
    first = next((i for i, m in enumerate(messages) if m.get("role") != "system"), len(messages))
    system = [part for part in (request.get("system"), *(m.get("content") for m in messages[:first])) if part]
    return Ask(
        model=text(request.get("model")),
        prompt=prompt(
            system=system,
            tools=tools,
            names=[text(obj(tool.get("function")).get("name")) for tool in tools],
            messages=messages[first:],
            results=[result(m.get("tool_call_id"), m.get("content")) for m in messages if m.get("role") == "tool"],
        ),
        said=(system, messages[first:], tools),
    )


def answer(payload: Payload) -> Answer:
    events = payload.body.events or (payload.body.answer,)
    last = events[-1]
    messages = [obj(event.get("message")) for event in events]
    calls = [call for message in messages for call in objs(message.get("tool_calls"))]
    return Answer(
        model=text(last.get("model")),
        usage=_usage(last),
        tool_calls=tuple(
            ToolCall(
                id=text(call.get("id")) or None,
                name=text(function.get("name")),
                arguments=compact(function.get("arguments") or {}),
            )
            for call in calls
            if (function := obj(call.get("function")))
        ),
        finish=text(last.get("done_reason")),
        text="".join(text(m.get("content")) for m in messages) or "".join(text(e.get("response")) for e in events),
        thoughts="".join(text(m.get("thinking")) for m in messages) + "".join(text(e.get("thinking")) for e in events),
        complete=last.get("done") is True,
    )


def _usage(last: dict[str, Any]) -> Usage | None:
    """A prompt that was still in memory is not counted again: the input is unknown then."""
    given, output = count(last.get("prompt_eval_count")), count(last.get("eval_count"))
    return None if given is None and output is None else Usage(input=given, output=output)
