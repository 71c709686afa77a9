"""An exchange in, what it says of a model's call out."""

from __future__ import annotations

from typing import Literal, Protocol
from urllib.parse import urlsplit

from pytest_agentperf.decode import anthropic, openai_chat, openai_responses, stream
from pytest_agentperf.decode.failure import failure, shorten
from pytest_agentperf.decode.json_ import digest, obj, parse
from pytest_agentperf.decode.payload import Answer, Ask, Payload, unwrap
from pytest_agentperf.decode.provider import provider
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.exchange import Exchange, Request, Response
from pytest_agentperf.model.recording import Reading


class Format(Protocol):
    """A wire format: what each module in the table below has."""

    @property
    def API(self) -> str: ...
    @property
    def OPERATION(self) -> Literal["chat", "completion", "embedding"]: ...

    def asks(self, payload: Payload) -> bool:
        """Whether the request is of this format; asked in the order of the table."""

    def answers(self, payload: Payload) -> bool:
        """Whether the answer is."""

    def ask(self, payload: Payload) -> Ask: ...
    def answer(self, payload: Payload) -> Answer: ...


FORMATS: tuple[Format, ...] = (openai_responses, anthropic, openai_chat)
"""Most particular request first."""


def decode(exchange: Exchange) -> Reading | None:
    """What an exchange says of a model's call; None where it is none. Never raises on any bytes.

    An answer is known by its shape. A request alone (not answered yet, refused, cut) is known by its shape and address.
    """
    response = exchange.response
    payload = unwrap(exchange.request, response)
    whole = response is not None and response.status < 400
    wire = next((known for known in FORMATS if known.answers(payload)), None) if whole else None
    error = failure(response.status, payload) if response is not None else None
    if wire is None:
        if whole and not error and not payload.body.broken:
            return None
        wire = next((known for known in FORMATS if known.asks(payload)), None)
        if wire is None:
            return None
        return _reading(
            exchange,
            payload,
            wire,
            Answer(),
            exchange.error or error or (payload.body.broken or None),
        )
    answer = wire.answer(payload)
    cut = payload.body.broken or ("" if answer.complete else "the stream was cut before its end")
    return _reading(
        exchange,
        payload,
        wire,
        answer,
        exchange.error or answer.error or error or cut or None,
    )


def _reading(
    exchange: Exchange,
    payload: Payload,
    wire: Format,
    answer: Answer,
    error: str | None,
) -> Reading:
    ask = wire.ask(payload)
    response = exchange.response
    call = ModelCall(
        index=exchange.index,
        provider=provider(payload, wire.API, _port(exchange.request.url)),
        api=wire.API,
        operation=wire.OPERATION,
        model=answer.model or ask.model or "unknown",
        requested_model=ask.model or None,
        response_id=answer.id or None,
        streamed=is_streamed(exchange.request, response),
        status=response.status if response else None,
        error=shorten(error) if error else None,
        usage=answer.usage,
        wire_cost=answer.wire_cost,
        tool_calls=answer.tool_calls,
        server_tools=answer.server_tools,
        finish=answer.finish or None,
        prompt=ask.prompt,
        request_size=len(exchange.request.body),
        response_size=len(response.body) if response else 0,
        answer_digest=digest(answer.text.encode()) if answer.text else "",
        start_ns=exchange.start_ns,
        first_byte_ns=exchange.first_byte_ns,
        end_ns=exchange.end_ns,
        origin=exchange.origin,
        timing=exchange.timing,
        span=exchange.span,
        thread=exchange.thread,
    )
    return Reading(
        call=call,
        prompt_text=ask.text,
        answer_text="\n".join(filter(None, (answer.thoughts, answer.text))),
    )


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


_STREAM_TYPES = (
    "text/event-stream",
    "application/vnd.amazon.eventstream",
    "application/x-ndjson",
)
_STREAM_PATHS = (
    ":streamGenerateContent",
    "/converse-stream",
    "/invoke-with-response-stream",
    ":streamRawPredict",
)


def is_streamed(request: Request, response: Response | None) -> bool:
    """Whether the answer comes (or, without one, will come) piece by piece. A refusal is told in one piece."""
    if response is not None and response.status >= 400:
        return False
    if response is not None and (response.header("content-type") or "").partition(";")[0].strip() in _STREAM_TYPES:
        return True
    if response is not None and (stream.is_sse(response.body) or stream.is_event_stream(response.body)):
        return True
    if any(path in request.url for path in _STREAM_PATHS):
        return True
    return b'"stream"' in request.body and obj(parse(request.body)).get("stream") is True
