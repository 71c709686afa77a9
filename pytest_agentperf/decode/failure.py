"""Why a call failed, in one short line."""

from __future__ import annotations

from pytest_agentperf.decode.payload import Payload

_LONGEST = 200


def failure(status: int, payload: Payload) -> str:
    """`429 rate_limit_exceeded: message`, of a refusal or of an error that came with status 200; empty: nothing failed."""
    kind, message = _named(payload)
    if status >= 400:
        if not kind and not message:
            kind, message = _plain(payload)
        kind = f"{status} {kind}".rstrip()
    return shorten(": ".join(filter(None, (kind, message))))


def shorten(line: str) -> str:
    """One line of bearable length."""
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _named(payload: Payload) -> tuple[str, str]:
    """Kind and message of an `error`, as the body or as an event of a stream."""
    for body in (payload.body.answer, *payload.body.events):
        error = body.get("error")
        if isinstance(error, str) and error:  # Ollama
            return "", error
        if isinstance(error, dict) and error:
            kinds = [_text(error.get(key)) for key in ("status", "code", "type")]  # Google: `code` repeats the status
            return next((kind for kind in kinds if kind and not kind.isdigit()), ""), _text(error.get("message"))
        if body.get("type") == "error":  # OpenAI's streams of responses
            return _text(body.get("code")), _text(body.get("message"))
    return "", ""


def _plain(payload: Payload) -> tuple[str, str]:
    """A refusal that is nothing but its message: Bedrock (its kind is in a header), Cohere, Mistral, FastAPI."""
    body = payload.body.answer
    header = next((value for name, value in payload.headers if name == "x-amzn-errortype"), "")
    return header.partition(":")[0] or _text(body.get("type")), _text(body.get("message")) or _text(body.get("detail"))


def _text(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else ""
