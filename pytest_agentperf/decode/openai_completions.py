"""OpenAI's first format, completions of a text, and who still speaks it (vLLM, Together, Writer).

https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

from typing import Final

from pytest_agentperf.decode.json_ import obj, objs, text
from pytest_agentperf.decode.openai_usage import read_usage
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt

API: Final = "openai-completions"
OPERATION: Final = "completion"


def asks(payload: Payload) -> bool:
    return isinstance(payload.request.get("prompt"), (str, list)) and payload.path.endswith("/completions")


def answers(payload: Payload) -> bool:
    """Choices with a text. Writer streams bare values, which only the request explains."""
    sample = payload.body.sample
    if asks(payload) and sample and all(set(event) == {"value"} for event in sample):
        return True
    return any("text" in choice and "delta" not in choice for event in sample for choice in objs(event.get("choices")))


def ask(payload: Payload) -> Ask:
    given = payload.request.get("prompt")
    messages = [{"role": "user", "content": given}] if given else []
    return Ask(model=text(payload.request.get("model")), prompt=prompt(messages=messages), said=(given or (),))


def answer(payload: Payload) -> Answer:
    events = payload.body.events or (payload.body.answer,)
    choices = [choice for event in events for choice in objs(event.get("choices"))]
    usages = [usage for event in events if (usage := obj(event.get("usage")))]
    finishes = [text(choice.get("finish_reason")) for choice in choices]
    values = all("value" in event for event in events)
    return Answer(
        model=next((text(event["model"]) for event in events if text(event.get("model"))), ""),
        id=next((text(event["id"]) for event in events if text(event.get("id"))), ""),
        usage=read_usage(usages[-1]) if usages else None,
        finish=next(filter(None, finishes), ""),
        text="".join(text(c.get("text")) for c in choices) or "".join(text(event.get("value")) for event in events),
        complete=bool(payload.body.answer) or payload.body.done or any(finishes) or values,
    )
