"""OpenAI chat completions, and everybody who speaks them (Azure, OpenRouter, Groq, DeepSeek, Mistral, vLLM, ...).

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any, Final

from pytest_agentperf.decode.json_ import compact, obj, objs, text
from pytest_agentperf.decode.openai_usage import read_cost, read_usage
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result, words
from pytest_agentperf.model.call import ToolCall

API: Final = "openai-chat"
OPERATION: Final = "chat"


def asks(payload: Payload) -> bool:
    messages = objs(payload.request.get("messages"))
    named = any(key in payload.request for key in ("model", "model_id")) or payload.path.endswith("/chat/completions")
    return named and any("role" in message for message in messages)


def answers(payload: Payload) -> bool:
    """Choices with a message (none where Azure's filter held it back); in a stream with deltas."""
    return any(
        event.get("object") in ("chat.completion", "chat.completion.chunk") or "message" in choice or "delta" in choice
        for event in payload.body.sample
        for choice in objs(event.get("choices"))
    )


def ask(payload: Payload) -> Ask:
    request = payload.request
    messages = objs(request.get("messages"))
    first = next((i for i, m in enumerate(messages) if m.get("role") not in ("system", "developer")), len(messages))
    tools = objs(request.get("tools")) or objs(request.get("functions"))
    return Ask(
        model=text(request.get("model")) or text(request.get("model_id")),  # watsonx
        prompt=prompt(
            system=[message.get("content") for message in messages[:first]],
            tools=tools,
            names=[_tool_name(tool) for tool in tools],
            messages=messages[first:],
            results=[
                result(m.get("tool_call_id"), m.get("content"))
                for m in messages
                if m.get("role") in ("tool", "function")
            ],
            parallel=request.get("parallel_tool_calls"),
        ),
        said=(messages, tools),
    )


def _tool_name(tool: dict[str, Any]) -> str:
    inner = obj(tool.get("function")) or obj(tool.get("custom")) or tool
    return text(inner.get("name")) or text(tool.get("type"))


def answer(payload: Payload) -> Answer:
    body = payload.body.answer or _fold(payload)
    choices = objs(body.get("choices"))
    messages = [obj(choice.get("message")) for choice in choices]
    usage = obj(body.get("usage")) or obj(obj(body.get("x_groq")).get("usage"))
    finishes = [text(choice.get("finish_reason")) for choice in choices]
    return Answer(
        model=text(body.get("model")),
        id=text(body.get("id")),
        usage=read_usage(usage),
        wire_cost=read_cost(usage),
        service_tier=text(body.get("service_tier")),
        tool_calls=tuple(call for message in messages for call in _tool_calls(message)),
        server_tools=tuple(
            text(tool.get("type")) for message in messages for tool in objs(message.get("executed_tools"))
        ),
        finish=next(filter(None, finishes), ""),
        text="\n".join(filter(None, (words(m.get("content"), m.get("refusal") or ()) for m in messages))),
        thoughts="\n".join(
            filter(None, (text(m.get("reasoning_content")) or text(m.get("reasoning")) for m in messages))
        ),
        complete=bool(payload.body.answer) or payload.body.done or any(finishes),
    )


def _tool_calls(message: dict[str, Any]) -> list[ToolCall]:
    """A call without a name is none: Snowflake sends such a one beside the real."""
    legacy = obj(message.get("function_call"))
    calls = objs(message.get("tool_calls")) or ([{"function": legacy}] if legacy else [])
    found = []
    for call in calls:
        inner = obj(call.get("function")) or obj(call.get("custom"))
        if name := text(inner.get("name")):
            arguments = inner.get("arguments", inner.get("input", ""))
            found.append(ToolCall(id=text(call.get("id")) or None, name=name, arguments=compact(arguments)))
    return found


def _fold(payload: Payload) -> dict[str, Any]:
    """The body that the same call would have answered unstreamed."""
    events = payload.body.events
    body = {
        key: next((event[key] for event in events if event.get(key)), None) for key in ("id", "model", "service_tier")
    }
    # usage counts from the start of the answer, so the last one holds
    body |= {
        key: next((event[key] for event in reversed(events) if event.get(key)), None) for key in ("usage", "x_groq")
    }
    choices: dict[str, dict[str, Any]] = {}
    for event in events:
        for part in objs(event.get("choices")):
            choice = choices.setdefault(str(part.get("index")), {"message": {}})
            if part.get("finish_reason"):
                choice["finish_reason"] = part["finish_reason"]
            if "usage" in part:  # Moonshot
                body["usage"] = part["usage"]
            _add_delta(choice["message"], obj(part.get("delta")))
    for choice in choices.values():
        message = choice["message"]
        message |= {key: "".join(message[key]) for key in _TEXTS if key in message}
    return {**body, "choices": list(choices.values())}


_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, piece in delta.items():
        if key in _TEXTS and piece:
            message.setdefault(key, []).append(
                piece if isinstance(piece, str) else words(piece)
            )  # Mistral's are blocks
        elif key == "tool_calls":
            for part in objs(piece):
                _add_call(message.setdefault(key, []), part)
        elif key == "function_call":
            _add_function(message.setdefault(key, {}), obj(piece))
        elif key == "executed_tools":
            message.setdefault(key, []).extend(objs(piece))


def _add_call(calls: list[dict[str, Any]], part: dict[str, Any]) -> None:
    """Deltas go to the call of their index. Mistral may leave it out, Gemini sends 0 for every call: a new id is a new call."""
    call_id, index = text(part.get("id")), part.get("index")
    if index is None:
        known = None if call_id or not calls else calls[-1]
    else:
        known = next((call for call in reversed(calls) if call["index"] == index), None)
    if known is None or (call_id and known["id"] and call_id != known["id"]):
        known = {"index": index, "id": "", "function": {}}
        calls.append(known)
    known["id"] = known["id"] or call_id
    _add_function(known["function"], obj(part.get("function")) or obj(part.get("custom")))


def _add_function(function: dict[str, Any], part: dict[str, Any]) -> None:
    function["name"] = function.get("name") or text(part.get("name"))
    function["arguments"] = function.get("arguments", "") + compact(part.get("arguments") or part.get("input") or "")
