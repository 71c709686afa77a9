"""Anthropic's first format, completions of a text: https://docs.anthropic.com/en/api/complete. It never counts tokens."""

from __future__ import annotations

from typing import Final

from pytest_agentperf.decode.json_ import text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt

API: Final = "anthropic-text"
OPERATION: Final = "completion"


def asks(payload: Payload) -> bool:
    return isinstance(payload.request.get("prompt"), str) and "max_tokens_to_sample" in payload.request


def answers(payload: Payload) -> bool:
    return any(isinstance(event.get("completion"), str) and "stop_reason" in event for event in payload.body.sample)


def ask(payload: Payload) -> Ask:
    given = payload.request.get("prompt")
    messages = [{"role": "user", "content": given}] if given else []
    return Ask(model=text(payload.request.get("model")), prompt=prompt(messages=messages), said=(given or (),))


def answer(payload: Payload) -> Answer:
    events = [event for event in payload.body.events or (payload.body.answer,) if "completion" in event]
    return Answer(
        model=text(events[-1].get("model")),
        id=text(events[-1].get("id")),
        finish=text(events[-1].get("stop_reason")),
        text="".join(text(event["completion"]) for event in events),
        complete=bool(events[-1].get("stop_reason")),
    )
