"""Google's Gemini API and Vertex AI: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import json

from server.answer import EVENT_STREAM, Answer, Json, cut, identifier, sse

STREAM_TYPE = EVENT_STREAM
ERRORS = {
    400: ("INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified"),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}


def whole(answer: Answer, request: Json, serial: int) -> Json:
    parts = ([{"text": answer.text}] if answer.text else []) + _calls(answer, serial)
    return _body(request, serial, parts, _usage(answer), finish="STOP")


def events(answer: Answer, request: Json, serial: int) -> list[bytes]:
    """Calls come whole, together, and with the end."""
    texts = [[{"text": piece}] for piece in cut(answer.text, answer.pieces)]
    parts = [*texts, _calls(answer, serial)] if answer.tools or not texts else texts
    early = {"promptTokenCount": answer.input_tokens, "totalTokenCount": answer.input_tokens}
    bodies = [_body(request, serial, piece, early) for piece in parts[:-1]]
    return [sse(body) for body in [*bodies, _body(request, serial, parts[-1], _usage(answer), finish="STOP")]]


def error(status: int, serial: int) -> Json:
    kind, message = ERRORS.get(status, ("INTERNAL", "An internal error has occurred."))
    return {"error": {"code": status, "message": message, "status": kind}}


def error_event(serial: int) -> bytes:
    return sse(error(503, serial))


def headers(answer: Answer, serial: int) -> list[tuple[str, str]]:
    return [("server", "scaffolding on HTTPServer2"), ("server-timing", f"gfet4t7; dur={answer.headers_after_ms}")]


def prompt(request: Json) -> str:
    parts = request["contents"][-1]["parts"]
    return "".join(part.get("text") or json.dumps(part["functionResponse"]["response"]) for part in parts)


def _calls(answer: Answer, serial: int) -> list[Json]:
    """Gemini itself gives no ids; Vertex does for newer models."""
    return [{"functionCall": {"name": tool.name, "args": tool.arguments}} for tool in answer.tools]


def _body(request: Json, serial: int, parts: list[Json], usage: Json, finish: str | None = None) -> Json:
    end = {"finishReason": finish} if finish else {}
    return {
        "candidates": [{"content": {"parts": parts, "role": "model"}, **end, "index": 0}],
        "usageMetadata": usage,
        "modelVersion": request["model"],
        "responseId": identifier("", serial, length=22),
    }


def _usage(answer: Answer) -> Json:
    """Thoughts are counted beside the candidates."""
    usage: Json = {
        "promptTokenCount": answer.input_tokens,
        "candidatesTokenCount": answer.output_tokens - answer.reasoning_tokens,
        "totalTokenCount": answer.input_tokens + answer.output_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": answer.input_tokens}],
    }
    if answer.cached_tokens:
        usage["cachedContentTokenCount"] = answer.cached_tokens
    if answer.reasoning_tokens:
        usage["thoughtsTokenCount"] = answer.reasoning_tokens
    return usage
