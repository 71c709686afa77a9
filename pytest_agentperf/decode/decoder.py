"""An exchange in, what it says of a model's call out."""

from __future__ import annotations

import re
from typing import Literal, Protocol
from urllib.parse import urlsplit

from pytest_agentperf.decode import (
    anthropic,
    anthropic_text,
    bedrock_converse,
    bedrock_invoke,
    cohere_v1,
    cohere_v2,
    embeddings,
    gemini,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
    stream,
    watsonx,
)
from pytest_agentperf.decode.bedrock_meter import metered
from pytest_agentperf.decode.failure import failure, shorten
from pytest_agentperf.decode.json_ import digest
from pytest_agentperf.decode.payload import Answer, Ask, Payload, model_in, unwrap
from pytest_agentperf.decode.prompt import drawing, forget_texts, words
from pytest_agentperf.decode.provider import provider
from pytest_agentperf.decode.stated import RATE_LIMITS, REQUEST_IDS, stated_latency
from pytest_agentperf.model.call import MOST_CHUNKS, ModelCall
from pytest_agentperf.model.exchange import Chunk, Exchange, Request, Response
from pytest_agentperf.model.recording import Reading


class Format(Protocol):
    """A wire format: what each module in the table below has."""

    @property
    def API(self) -> str: ...  # noqa: N802 - a constant of the module
    @property
    def OPERATION(self) -> Literal["chat", "completion", "embedding"]: ...  # noqa: N802

    def asks(self, payload: Payload) -> bool:
        """Whether the request is of this format; asked in the order of the table."""

    def answers(self, payload: Payload) -> bool:
        """Whether the answer is."""

    def ask(self, payload: Payload) -> Ask: ...
    def answer(self, payload: Payload) -> Answer: ...


FORMATS: tuple[Format, ...] = (
    embeddings,
    bedrock_converse,
    gemini,
    cohere_v2,
    ollama,
    watsonx,
    anthropic_text,
    bedrock_invoke,
    openai_completions,
    cohere_v1,
    anthropic,
    openai_responses,
    openai_chat,
)
"""In the order in which a request is held against them: the most particular first, the one with only `messages` last.

The shapes of answers exclude each other; they are tried from the end, where the commonest stand.
"""


_NO_CALL = re.compile(
    r"count_?tokens|/input_tokens|/tokenize|/moderations|/batches|/cachedContents|/audio/|/images/", re.IGNORECASE
)
"""Addresses that take the request of a call and call no model of language."""


def decode(exchange: Exchange) -> Reading | None:
    """What an exchange says of a model's call; None where it is none. Never raises on any bytes.

    An answer is known by its shape. A request without one (not answered yet, refused, cut) is known by its shape and address.
    """
    try:
        return _decode(exchange)
    except RecursionError:  # nested deeper than the text of any call
        return None


def _decode(exchange: Exchange) -> Reading | None:
    response = exchange.response
    payload = unwrap(exchange.request, response)
    error = failure(response.status, payload) if response else ""
    broken = payload.body.broken
    if response and response.status < 400:
        wire = next((known for known in reversed(FORMATS) if known.answers(payload)), None)
        if wire:
            answer = wire.answer(payload)
            cut = broken or ("" if answer.complete else "the stream was cut before its end")
            return _reading(exchange, payload, wire, answer, exchange.error or answer.error or error or cut)
        if not error and not broken:
            return None
    if _NO_CALL.search(payload.path):
        return None
    wire = next((known for known in FORMATS if known.asks(payload)), None)
    return _reading(exchange, payload, wire, Answer(), exchange.error or error or broken) if wire else None


def _reading(exchange: Exchange, payload: Payload, wire: Format, answer: Answer, error: str) -> Reading:
    ask = wire.ask(payload)
    asked = ask.model or model_in(payload.path)
    response = exchange.response
    streamed = is_streamed(exchange.request, response)
    tier = answer.service_tier.lower()
    call = ModelCall(
        index=exchange.index,
        provider=provider(payload, wire.API, _port(exchange.request.url)),
        api=wire.API,
        operation=wire.OPERATION,
        model=answer.model or asked or "unknown",
        requested_model=asked or None,
        response_id=answer.id or None,
        streamed=streamed,
        status=response.status if response else None,
        error=shorten(error) or None,
        usage=answer.usage or metered(payload),
        wire_cost=answer.wire_cost,
        side_calls=answer.side_calls,
        service_tier=tier if tier in _TIERS else None,
        tool_calls=drawing(answer.tool_calls, ask.prompt),
        server_tools=answer.server_tools,
        finish=answer.finish or None,
        prompt=forget_texts(ask.prompt),
        request_size=len(exchange.request.body),
        response_size=len(response.body) if response else 0,
        answer_digest=digest(answer.text.encode()) if answer.text else "",
        request_id=next((value for name, value in payload.headers if name in REQUEST_IDS), None),
        date=response.header("date") if response else None,
        rate_limit=tuple((name, value) for name, value in payload.headers if name in RATE_LIMITS),
        stated=stated_latency(response, streamed=streamed) if response else None,
        start_ns=exchange.start_ns,
        first_byte_ns=exchange.first_byte_ns,
        end_ns=exchange.end_ns,
        chunks_ns=_thinned(exchange.chunks) if streamed else (),
        origin=exchange.origin,
        timing=exchange.timing,
        span=exchange.span,
        thread=exchange.thread,
        connection=exchange.connection,
    )
    if call.usage:
        return Reading(call=call)
    said = filter(None, (answer.thoughts, answer.text))
    return Reading(call=call, prompt_text=words(*ask.said), answer_text="\n".join(said))


def _thinned(chunks: tuple[Chunk, ...]) -> tuple[int, ...]:
    if len(chunks) <= MOST_CHUNKS:
        return tuple(chunk.at_ns for chunk in chunks)
    last = len(chunks) - 1
    return tuple(chunks[at * last // (MOST_CHUNKS - 1)].at_ns for at in range(MOST_CHUNKS))


_TIERS = ("flex", "priority", "batch", "fast")


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


_STREAM_TYPES = ("text/event-stream", "application/vnd.amazon.eventstream", "application/x-ndjson")
_STREAM_PATH = re.compile(r":streamGenerateContent|:streamRawPredict|/converse-stream|/invoke-with-response-stream")
_STREAM_ASKED = re.compile(rb'"stream"\s*:\s*true')
"""A quotation mark inside of a text would have a backslash before it."""


def is_streamed(request: Request, response: Response | None) -> bool:
    """Whether the answer comes (or, without one, will come) piece by piece. A refusal is told in one piece."""
    if response is not None and response.status >= 400:
        return False
    if response is not None and (response.header("content-type") or "").partition(";")[0].strip() in _STREAM_TYPES:
        return True
    if response is not None and (stream.is_sse(response.body) or stream.is_event_stream(response.body)):
        return True
    return bool(_STREAM_PATH.search(request.url) or _STREAM_ASKED.search(request.body))
