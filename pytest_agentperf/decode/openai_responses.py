"""OpenAI responses, and who speaks them (Azure, xAI, DeepSeek, OpenRouter, Bedrock Mantle).

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from typing import Any, Final

from pytest_agentperf.decode.json_ import compact, obj, objs, text
from pytest_agentperf.decode.openai_usage import read_cost, read_usage
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result, words
from pytest_agentperf.model.call import ToolCall

API: Final = "openai-responses"
OPERATION: Final = "chat"

_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_OBJECTS = ("response", "response.compaction")
_OWN_FIELDS = ("instructions", "previous_response_id", "max_output_tokens", "reasoning", "tools", "store", "stream")


def asks(payload: Payload) -> bool:
    """`input`, at an address that says so or beside a field that only this format has."""
    if not isinstance(payload.request.get("input"), (str, list)):
        return False
    return payload.path.endswith("/responses") or any(key in payload.request for key in _OWN_FIELDS)


def answers(payload: Payload) -> bool:
    return any(
        event.get("object") in _OBJECTS or text(event.get("type")).startswith("response.")
        for event in payload.body.sample
    )


def ask(payload: Payload) -> Ask:
    request = payload.request
    given = request.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else objs(given)
    first = next((i for i, item in enumerate(items) if item.get("role") not in ("system", "developer")), len(items))
    instructions = [request["instructions"]] if request.get("instructions") else []
    tools = objs(request.get("tools"))
    return Ask(
        model=text(request.get("model")),
        prompt=prompt(
            system=instructions + [item.get("content") for item in items[:first]],
            tools=tools,
            names=[text(tool.get("name")) or text(tool.get("type")) for tool in tools],
            messages=[_untyped(item) for item in items[first:]],
            results=[
                result(i.get("call_id"), i.get("output")) for i in items if text(i.get("type")).endswith("_output")
            ],
            parallel=request.get("parallel_tool_calls"),
            previous=request.get("previous_response_id"),
        ),
        said=(instructions, items, tools),
    )


def _untyped(item: dict[str, Any]) -> dict[str, Any]:
    """An item with a role is a message, whether it says so or not."""
    if item.get("type") == "message":
        return {key: value for key, value in item.items() if key != "type"}
    return item


def answer(payload: Payload) -> Answer:
    body = payload.body.answer or _fold(payload)
    output = objs(body.get("output"))
    usage = obj(body.get("usage"))
    calls, server = _tools(output)
    failure = obj(body.get("error"))
    return Answer(
        model=text(body.get("model")),
        id=text(body.get("id")),
        usage=read_usage(usage),
        wire_cost=read_cost(usage),
        service_tier=text(body.get("service_tier")),
        tool_calls=calls,
        server_tools=server,
        finish=text(body.get("status")),
        text=words([item.get("content") or () for item in output if item.get("type") == "message"]),
        thoughts=words(
            [(i.get("summary") or (), i.get("content") or ()) for i in output if i.get("type") == "reasoning"]
        ),
        error=": ".join(filter(None, (text(failure.get("code")), text(failure.get("message"))))),
        complete=bool(payload.body.answer) or any(event.get("type") in _ENDS for event in payload.body.events),
    )


def _tools(output: list[dict[str, Any]]) -> tuple[tuple[ToolCall, ...], tuple[str, ...]]:
    """The calls for the agent to run, and the names of the tools that the provider ran: their results stand beside them."""
    done = {text(item.get("call_id")) for item in output if text(item.get("type")).endswith("_call_output")}
    calls, server = [], []
    for item in output:
        kind = text(item.get("type"))
        if not kind.endswith("_call"):
            continue
        if kind in _CLIENT and text(item.get("call_id")) not in done:
            arguments = next((item[key] for key in ("arguments", "input", "action", "operation") if key in item), "")
            name = text(item.get("name")) or kind.removesuffix("_call")
            calls.append(ToolCall(id=text(item.get("call_id")) or None, name=name, arguments=compact(arguments)))
        elif item.get("execution") != "client":  # a search among its own tools is no work of the agent
            server.append(text(item.get("name")) or kind.removesuffix("_call"))
    return tuple(calls), tuple(server)


_CLIENT = ("function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call")
"""Every other `..._call` is run by the provider (web search, file search, code interpreter, MCP, ...)."""


def _fold(payload: Payload) -> dict[str, Any]:
    """The body that the same call would have answered unstreamed: the last event repeats it."""
    body: dict[str, Any] = {}
    items: list[dict[str, Any]] = []
    for event in payload.body.events:
        body = obj(event.get("response")) or body
        if event.get("type") == "response.output_item.done":
            items.append(obj(event.get("item")))
    return body if body.get("output") else {**body, "output": items}
