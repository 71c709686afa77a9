"""Numbers that are counted over the calls of a test."""

from __future__ import annotations

from dataclasses import replace

from pytest_agentperf.model.call import Message, Prompt
from pytest_agentperf.model.metric import METRICS, format_amount
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import Profile
from samples import call


def message(role: str, size: int) -> Message:
    return Message(role=role, digest=f"{role}{size}", size=size)


def prompt(*messages: Message) -> Prompt:
    return Prompt(messages=messages)


def read(name: str, *calls: object) -> object:
    return METRICS[name].read(Profile(nodeid="t", calls=calls)).value  # type: ignore[arg-type]


def test_a_retry_asks_again_what_failed() -> None:
    first, second = prompt(message("user", 3)), prompt(message("user", 4))
    failed = replace(call(0, 0, 1), error="429 rate_limit", prompt=first)
    again, other = replace(call(1, 1, 2), prompt=first), replace(call(2, 2, 3), prompt=second)
    assert read("retries", failed, failed, again) == 2
    assert read("retries", failed, other, again, again) == 1
    assert read("retries", again, again, other) == 0


def test_bytes_are_those_of_all_calls() -> None:
    calls = [replace(call(at, at, at + 1), request_size=100, response_size=10 * at) for at in range(3)]
    assert (read("request_bytes", *calls), read("response_bytes", *calls)) == (300, 30)


def test_new_input_stands_behind_the_models_last_message() -> None:
    asked, answered, told = message("user", 10), message("assistant", 20), message("tool", 5)
    assert (prompt(asked).new_size, prompt(asked).history_size) == (10, 0)
    loop = prompt(asked, answered, told, told)
    assert (loop.new_size, loop.history_size) == (10, 30)
    items = prompt(asked, message("function_call", 7), message("function_call_output", 9))
    assert (items.new_size, items.history_size) == (9, 17)
    assert prompt().new_size == 0


def test_one_of_something_is_told_as_one() -> None:
    told = {format_value(1, unit) for unit in ("calls", "turns", "tokens", "bytes", "ms", "s", "points", "")}
    assert told == {"1 call", "1 turn", "1 token", "1 byte", "1 ms", "1 s", "1 points", "1"}
    assert [format_amount(name, 1) for name in ("llm_calls", "retries", "latency")] == [
        "+1 LLM call",
        "+1 retry",
        "+1 ms latency",
    ]
