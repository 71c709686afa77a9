"""Google's Gemini API and Vertex AI: `generateContent` and `streamGenerateContent`.

https://ai.google.dev/api/generate-content. Names come in camel case or, from older clients, with underscores; Vertex may
write numbers for enums.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pytest_agentperf.decode.json_ import compact, count, obj, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt, result
from pytest_agentperf.model.call import ToolCall, ToolResult
from pytest_agentperf.model.usage import Usage

API: Final = "gemini"
OPERATION: Final = "chat"


def asks(payload: Payload) -> bool:
    return any("parts" in content for content in objs(payload.request.get("contents")))


def answers(payload: Payload) -> bool:
    """Candidates, or why there are none."""
    return any(
        objs(event.get("candidates"))
        or ("usageMetadata" in event and ("promptFeedback" in event or "modelVersion" in event))
        for event in payload.body.sample
    )


def ask(payload: Payload) -> Ask:
    request = payload.request
    contents, system = objs(request.get("contents")), _either(request, "systemInstruction")
    tools = objs(request.get("tools"))
    return Ask(
        model=text(request.get("model")).removeprefix("models/"),
        prompt=prompt(
            system=[system] if system else [],
            tools=tools,
            names=[name for tool in tools for name in _tool_names(tool)],
            messages=contents,
            results=[found for content in contents for part in objs(content.get("parts")) for found in _results(part)],
        ),
        said=(system or (), contents, tools),
    )


def _either(value: dict[str, Any], name: str) -> Any:
    """A field by its name in camel case or with underscores."""
    return value.get(name, value.get(re.sub("([A-Z])", r"_\1", name).lower()))


def _tool_names(tool: dict[str, Any]) -> list[str]:
    """Functions by their names, the provider's own tools by the key that asks for them."""
    declared = objs(_either(tool, "functionDeclarations"))
    return [text(function.get("name")) for function in declared] or list(tool)


def _results(part: dict[str, Any]) -> list[ToolResult]:
    response = obj(_either(part, "functionResponse"))
    return [result(response.get("id"), response.get("response"))] if response else []


def answer(payload: Payload) -> Answer:
    body = payload.body.answer or _fold(payload)
    candidates = objs(body.get("candidates"))
    parts = [part for candidate in candidates for part in objs(obj(candidate.get("content")).get("parts"))]
    calls = [obj(part.get("functionCall")) for part in parts if obj(part.get("functionCall"))]
    finish = next((c["finishReason"] for c in candidates if c.get("finishReason")), None)
    blocked = obj(body.get("promptFeedback")).get("blockReason")
    return Answer(
        model=text(body.get("modelVersion")).removeprefix("models/"),
        id=text(body.get("responseId")),
        usage=_usage(obj(body.get("usageMetadata"))),
        service_tier=text(obj(body.get("usageMetadata")).get("serviceTier")),
        tool_calls=tuple(
            ToolCall(
                id=text(call.get("id")) or None, name=text(call.get("name")), arguments=compact(call.get("args") or {})
            )
            for call in calls
        ),
        server_tools=_server_tools(candidates, parts),
        finish=str(finish or blocked or ""),
        text="".join(text(part.get("text")) for part in parts if not part.get("thought")),
        thoughts="".join(text(part.get("text")) for part in parts if part.get("thought")),
        complete=bool(payload.body.answer) or finish is not None or blocked is not None,
    )


def _server_tools(candidates: list[dict[str, Any]], parts: list[dict[str, Any]]) -> tuple[str, ...]:
    names = ["code_execution" for part in parts if "executableCode" in part]
    for candidate in candidates:
        names += ["google_search"] * len(obj(candidate.get("groundingMetadata")).get("webSearchQueries") or ())
        names += ["url_context"] * len(objs(obj(candidate.get("urlContextMetadata")).get("urlMetadata")))
    return tuple(names)


def _usage(raw: dict[str, Any]) -> Usage | None:
    """Thoughts are counted beside the candidates here, and what the provider's tools read beside the prompt."""
    given, candidates = count(raw.get("promptTokenCount")), count(raw.get("candidatesTokenCount"))
    thoughts, total = count(raw.get("thoughtsTokenCount")), count(raw.get("totalTokenCount"))
    if given is None and candidates is None:
        return None
    if given is not None:
        given += count(raw.get("toolUsePromptTokenCount")) or 0
    output = (candidates or 0) + (thoughts or 0)
    return Usage(
        input=given,
        output=output if candidates is not None or thoughts is not None or total == given else None,
        cache_read=count(raw.get("cachedContentTokenCount")),
        reasoning=thoughts,
        audio_input=_audio(raw.get("promptTokensDetails")),
        audio_output=_audio(raw.get("candidatesTokensDetails")),
    )


def _audio(details: object) -> int | None:
    """`modality` is a name, or in Vertex's protobuf JSON its number."""
    counts = [count(d.get("tokenCount")) or 0 for d in objs(details) if d.get("modality") in ("AUDIO", 4)]
    return sum(counts) if counts else None


def _fold(payload: Payload) -> dict[str, Any]:
    """The body that the same call would have answered unstreamed. Each chunk counts from the start of the answer."""
    body: dict[str, Any] = {}
    usage: dict[str, Any] = {}
    candidates: dict[str, dict[str, Any]] = {}
    for event in payload.body.events:
        body |= {key: event[key] for key in ("modelVersion", "responseId", "promptFeedback") if key in event}
        usage |= obj(event.get("usageMetadata"))
        for piece in objs(event.get("candidates")):
            candidate = candidates.setdefault(compact(piece.get("index", 0)), {"content": {"parts": []}})
            candidate["content"]["parts"] += objs(obj(piece.get("content")).get("parts"))
            candidate |= {key: value for key, value in piece.items() if key != "content"}
    return {**body, "usageMetadata": usage, "candidates": list(candidates.values())}
