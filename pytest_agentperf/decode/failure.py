"""Why a call failed, in one short line."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_agentperf.decode.payload import Payload

_LONGEST = 200


def failure(status: int, payload: Payload) -> str | None:
    """`429 rate_limit_exceeded: message`, from a refusal or from an error that came with status 200; None: nothing failed."""
    kind, message = _stated(payload)
    if status < 400 and not (kind or message):
        return None
    start = str(status) if status >= 400 else ""
    return shorten(": ".join(filter(None, (" ".join(filter(None, (start, kind))), message))))


def shorten(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _stated(payload: Payload) -> tuple[str, str]:
    """Kind and message: each provider's own shape of an error body, or of an event in a stream."""
    for body in _bodies(payload):
        error = body.get("error")
        if isinstance(error, dict) and error:
            kind = _first(error.get("code"), error.get("type"), error.get("status"))
            return (_first(error.get("status")) or kind if kind.isdigit() else kind), _first(error.get("message"))
        if isinstance(error, str) and error:  # Ollama
            return "", error
        if body.get("type") == "error":  # a stream of responses
            return _first(body.get("code")), _first(body.get("message"))
    body = payload.body.answer
    if "choices" in body or not any(key in body for key in ("message", "detail")):
        return "", ""
    kind = next(
        (value.partition(":")[0] for name, value in payload.headers if name == "x-amzn-errortype"),
        "",
    )
    message = body.get("message") if isinstance(body.get("message"), str) else body.get("detail")
    return kind or _first(body.get("code"), body.get("type")), _first(message)


def _bodies(payload: Payload) -> Iterable[dict[str, object]]:
    yield payload.body.answer
    yield from payload.body.events


def _first(*values: object) -> str:
    """The first that is a text or a number, as text."""
    return next(
        (str(value) for value in values if isinstance(value, (str, int)) and value not in ("", None)),
        "",
    )
