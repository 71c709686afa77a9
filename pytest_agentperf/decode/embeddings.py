"""Embeddings of every provider: much alike, and all that matters is what they count.

https://platform.openai.com/docs/api-reference/embeddings; Gemini and Vertex, Cohere, Ollama, Titan, Voyage
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_agentperf.decode.json_ import count, obj, objs, text
from pytest_agentperf.decode.openai_usage import read_usage
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt
from pytest_agentperf.model.usage import Usage

API: Final = "embeddings"
OPERATION: Final = "embedding"

_GIVEN = ("input", "inputs", "texts", "requests", "content", "inputText", "instances", "prompt")
_VECTORS = ("embeddings", "embedding", "predictions")


def asks(payload: Payload) -> bool:
    return "embed" in payload.path.lower() and any(key in payload.request for key in _GIVEN)


def answers(payload: Payload) -> bool:
    """OpenAI's shape anywhere; bare vectors, which vector stores answer too, only at an address that says so."""
    answer = payload.body.answer
    named = any(item.get("object") == "embedding" for item in objs(answer.get("data"))[:1])
    return named or (asks(payload) and any(key in answer for key in _VECTORS))


def ask(payload: Payload) -> Ask:
    request = payload.request
    given = next((request[key] for key in _GIVEN if key in request), None)
    messages = [{"role": "user", "content": given}] if given else []
    return Ask(
        model=text(request.get("model")).removeprefix("models/"),
        prompt=prompt(messages=messages),
        said=(given or (),),
    )


def answer(payload: Payload) -> Answer:
    body = payload.body.answer
    usage = read_usage(obj(body.get("usage"))) or Usage(input=_given(payload))
    return Answer(
        model=text(body.get("model")),
        id=text(body.get("id")),
        usage=replace(usage, output=usage.output or 0) if usage.input is not None else None,
    )


def _given(payload: Payload) -> int | None:
    body = payload.body.answer
    predictions = [
        obj(obj(prediction.get("embeddings")).get("statistics")) for prediction in objs(body.get("predictions"))
    ]
    counts = [found for statistics in predictions if (found := count(statistics.get("token_count"))) is not None]
    return count(
        obj(body.get("usage")).get("total_tokens"),  # Voyage
        obj(body.get("usageMetadata")).get("promptTokenCount"),  # Gemini
        obj(obj(body.get("meta")).get("billed_units")).get("input_tokens"),  # Cohere
        body.get("prompt_eval_count"),  # Ollama
        body.get("inputTextTokenCount"),  # Titan
        sum(counts) if counts else None,  # Vertex
    )
