"""Recorded exchanges of every format that has streams, field by field."""

from __future__ import annotations

from pathlib import Path

import pytest

from decode.exchanges import GOLDEN, golden
from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.decode.stated import Stated, stated_latency
from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.model.recording import Reading
from pytest_agentperf.model.usage import Usage

NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))


def readings(name: str) -> list[Reading]:
    found = [decode(exchange) for exchange in golden(name)]
    assert all(found)
    return [reading for reading in found if reading]


def calls(name: str) -> list[ModelCall]:
    return [reading.call for reading in readings(name)]


def test_openai_chat_asks_for_two_tools_and_gets_their_results() -> None:
    first, second = readings("openai_chat")
    assert (first.call.provider, first.call.api, first.call.operation) == ("openai", "openai-chat", "chat")
    assert (first.call.model, first.call.requested_model) == ("gpt-4.1-nano-2025-04-14", "gpt-4.1-nano")
    assert (first.call.streamed, first.call.status, first.call.error, first.call.finish) == (
        False,
        200,
        None,
        "tool_calls",
    )
    assert first.call.usage == Usage(input=78, output=39, cache_read=0, reasoning=0, audio_input=0, audio_output=0)
    assert first.call.tool_calls == (
        ToolCall(id="call_yhGyidjUReGGf2WQsn5XKimB", name="current_date", arguments="{}"),
        ToolCall(id="call_iRYEuLBYtXfpVzzRpU6vqdzt", name="current_month", arguments="{}"),
    )
    assert first.call.prompt.tools == ("current_date", "current_month")
    assert first.call.prompt.system_size > 0
    assert [message.role for message in second.call.prompt.messages] == ["user", "assistant", "tool", "tool"]
    assert [result.call_id for result in second.call.prompt.results] == [c.id for c in first.call.tool_calls]
    assert second.call.tool_calls == ()
    assert (first.prompt_text, first.answer_text) == ("", "")  # needed only where tokens have to be counted


def test_openai_chat_streams_tool_calls_in_deltas() -> None:
    (call,) = calls("openai_chat_stream")
    assert call.streamed
    assert call.model == "gpt-4o-mini-2024-07-18"
    assert (call.usage, call.finish) == (
        Usage(input=75, output=51, cache_read=0, reasoning=0, audio_input=0, audio_output=0),
        "tool_calls",
    )
    assert [(c.name, c.arguments) for c in call.tool_calls] == [
        ("get_current_weather", '{"location": "Seattle, WA"}'),
        ("get_current_weather", '{"location": "San Francisco, CA"}'),
    ]
    assert ("x-ratelimit-remaining-requests", "9992") in call.rate_limit
    assert call.request_id == "req_d745d48bf030ac78e4790ee49848d05f"


def test_openai_responses_ties_outputs_to_calls() -> None:
    first, second = calls("openai_responses")
    assert (first.api, first.finish) == ("openai-responses", "completed")
    assert [c.arguments for c in first.tool_calls] == ['{"loc_name":"Londos"}', '{"loc_name":"London"}']
    assert second.usage == Usage(input=335, output=44, cache_read=0, reasoning=0)
    assert [result.call_id for result in second.prompt.results] == [c.id for c in first.tool_calls]


def test_openai_responses_streamed() -> None:
    (call,) = calls("openai_responses_stream")
    assert call.streamed
    assert call.usage == Usage(input=255, output=16, cache_read=0, reasoning=0)
    assert [(c.id, c.name) for c in call.tool_calls] == [("call_kL0PCQV7M2WMoVX8V8OtYSAL", "get_capital")]
    assert call.response_id == "resp_67e554a155508191900ee113293c4c830794405d35281ae2"


def test_anthropic_asks_for_four_tools_in_one_turn() -> None:
    first, second = calls("anthropic")
    assert (first.provider, first.api, first.model) == ("anthropic", "anthropic-messages", "claude-haiku-4-5-20251001")
    assert first.usage == Usage(input=423, output=202, cache_read=0, cache_write=0, cache_write_1h=0)
    assert [c.arguments for c in first.tool_calls] == [
        f'{{"name":"{n}"}}' for n in ("Alice", "Bob", "Charlie", "Daisy")
    ]
    assert [result.call_id for result in second.prompt.results] == [c.id for c in first.tool_calls]
    assert (second.finish, second.tool_calls) == ("end_turn", ())


def test_anthropic_streamed() -> None:
    (call,) = calls("anthropic_stream")
    assert (call.streamed, call.finish) == (True, "tool_use")
    assert call.usage == Usage(input=542, output=62, cache_read=0, cache_write=0, cache_write_1h=0)
    assert [(c.name, c.arguments) for c in call.tool_calls] == [("pelican_name_generator", "{}")] * 2


def test_gemini_streamed() -> None:
    (call,) = calls("gemini_stream")
    assert (call.provider, call.model, call.streamed) == ("gemini", "gemini-2.0-flash", True)
    assert call.usage == Usage(input=64, output=11)
    assert [c.arguments for c in call.tool_calls] == ['{"location":"Boston"}', '{"location":"New Delhi"}']


def test_bedrock_converse_streamed() -> None:
    (exchange,) = golden("bedrock_converse_stream")
    (call,) = calls("bedrock_converse_stream")
    assert (call.provider, call.model, call.streamed) == ("bedrock", "us.amazon.nova-2-lite-v1:0", True)
    assert call.usage == Usage(input=1133, output=42)
    assert [c.arguments for c in call.tool_calls] == ['{"latitude":"48.8575","longitude":"2.3514"}']
    assert exchange.response is not None
    stated = stated_latency(exchange.response, streamed=True)
    assert stated is not None
    assert (stated.first_byte_ns, stated.source) == (None, "metrics.latencyMs")


def test_openai_states_the_whole_time_unstreamed_and_the_first_byte_streamed() -> None:
    whole, streamed = golden("openai_chat")[0].response, golden("openai_chat_stream")[0].response
    assert whole is not None
    assert streamed is not None
    assert stated_latency(whole, streamed=False) == Stated(
        first_byte_ns=None, end_ns=363_000_000, source="openai-processing-ms"
    )
    first = stated_latency(streamed, streamed=True)
    assert first is not None
    assert (first.first_byte_ns is not None, first.end_ns) == (True, None)


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic"])
def test_a_request_begins_with_the_messages_of_the_one_before(name: str) -> None:
    first, second = calls(name)
    assert second.prompt.messages[: len(first.prompt.messages)] == first.prompt.messages
    assert len(second.prompt.messages) > len(first.prompt.messages)
    assert (first.prompt.system_digest, first.prompt.tools_digest) == (
        second.prompt.system_digest,
        second.prompt.tools_digest,
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_golden_names_its_origin(name: str) -> None:
    assert f"`{name}.json`" in Path(GOLDEN, "README.md").read_text(encoding="utf-8")
