"""IBM watsonx text generation: https://cloud.ibm.com/apidocs/watsonx-ai#text-generation. Its chat speaks OpenAI's format."""

from __future__ import annotations

from typing import Final

from pytest_agentperf.decode.json_ import count, objs, text
from pytest_agentperf.decode.payload import Answer, Ask, Payload
from pytest_agentperf.decode.prompt import prompt
from pytest_agentperf.model.usage import Usage

API: Final = "watsonx"
OPERATION: Final = "completion"


def asks(payload: Payload) -> bool:
    return isinstance(payload.request.get("model_id"), str) and isinstance(payload.request.get("input"), str)


def answers(payload: Payload) -> bool:
    return any("generated_text" in result for event in payload.body.sample for result in objs(event.get("results")))


def ask(payload: Payload) -> Ask:
    given = payload.request.get("input")
    messages = [{"role": "user", "content": given}] if given else []
    return Ask(model=text(payload.request.get("model_id")), prompt=prompt(messages=messages), said=(given or (),))


def answer(payload: Payload) -> Answer:
    events = payload.body.events or (payload.body.answer,)
    results = [result for event in events for result in objs(event.get("results"))]
    stops = [stop for result in results if (stop := text(result.get("stop_reason"))) != "not_finished"]
    return Answer(
        model=text(events[-1].get("model_id")),
        usage=_usage(
            [count(r.get("input_token_count")) for r in results],
            [count(r.get("generated_token_count")) for r in results],
        ),
        finish=stops[-1] if stops else "",
        text="".join(text(result.get("generated_text")) for result in results),
        complete=bool(payload.body.answer) or bool(stops),
    )


def _usage(given: list[int | None], output: list[int | None]) -> Usage | None:
    """A stream counts the input in its first event and 0 in the others, the output from the start of the answer."""
    inputs, outputs = ([number for number in numbers if number is not None] for numbers in (given, output))
    return Usage(input=max(inputs), output=max(outputs)) if inputs and outputs else None
