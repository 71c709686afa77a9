"""The older models under Bedrock's `invoke`, each in its own body: Titan, Llama, Mistral, Jurassic.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html. Models with an API of their own (Anthropic, Nova,
Cohere) speak that one here, too, and are read by its module.
"""

from __future__ import annotations

from typing import Any, Final

from pytest_agentperf.decode.json_ import count, obj, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt
from pytest_agentperf.model.usage import Usage

API: Final = "bedrock-invoke"
OPERATION: Final = "completion"


def asks(payload: Payload) -> bool:
    given = payload.request.get("prompt", payload.request.get("inputText"))
    return isinstance(given, str) and payload.path.endswith(("/invoke", "/invoke-with-response-stream"))


def answers(payload: Payload) -> bool:
    return any(_pieces(event) for event in payload.body.sample)


def ask(payload: Payload) -> Ask:
    given = payload.request.get("prompt", payload.request.get("inputText"))
    return Ask(prompt=prompt(messages=[{"role": "user", "content": given}] if given else []), said=(given or (),))


def _pieces(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of an answer, or of one chunk of it, that carry text."""
    if isinstance(event.get("generation"), str) or isinstance(event.get("outputText"), str):  # Llama; Titan streamed
        return [event]
    data = [obj(part.get("data")) | part for part in objs(event.get("completions"))]  # Jurassic
    parts = objs(event.get("results")) + objs(event.get("outputs")) + data  # Titan; Mistral
    return [part for part in parts if isinstance(part.get("outputText", part.get("text")), str)]


def answer(payload: Payload) -> Answer:
    body = payload.body
    events = body.events or (body.answer,)
    pieces = [piece for event in events for piece in _pieces(event)]
    finishes = [text(piece[key]) for piece in pieces for key in _FINISHES if text(piece.get(key))]
    return Answer(
        usage=_usage(events),
        finish=finishes[-1] if finishes else "",
        text="".join(text(piece.get("outputText", piece.get("text", piece.get("generation")))) for piece in pieces),
        complete=bool(body.answer) or bool(finishes),
    )


_FINISHES = ("completionReason", "stop_reason", "finishReason", "amazon-bedrock-guardrailAction")


def _usage(events: tuple[dict[str, Any], ...]) -> Usage | None:
    """Streams count the input once, and the output from its start."""
    given = output = None
    for event in events:
        found = count(event.get("inputTextTokenCount"), event.get("prompt_token_count"))
        given = found if given is None else given
        parts = [count(part.get("tokenCount")) for part in objs(event.get("results"))]
        output = count(event.get("totalOutputTextTokenCount"), event.get("generation_token_count"), *parts, output)
    return None if given is None or output is None else Usage(input=given, output=output)
