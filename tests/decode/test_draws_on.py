"""Which results the arguments of a tool call come from, and how large each offered tool is."""

from __future__ import annotations

import json

import pytest

from decode.exchanges import call
from pytest_agentperf.model.call import ModelCall, ToolResult
from server import openai_chat
from server.answer import Answer, Tool

ORDERS = '[{"id": 4711, "city": "Lisbon"}]'
CALL = {"id": "c1", "type": "function", "function": {"name": "orders", "arguments": "{}"}}
HISTORY = [
    {"role": "user", "content": "Where is my order?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
    {"role": "tool", "tool_call_id": "c1", "content": ORDERS},
    {"role": "tool", "tool_call_id": "c2", "content": "none"},
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("orders", "track")]


def chat(arguments: dict[str, object]) -> ModelCall:
    body = {"model": "gpt-4o", "messages": HISTORY, "tools": TOOLS}
    answer = openai_chat.whole(Answer(tools=(Tool(name="track", arguments=arguments),)), body, 1)
    return call("https://api.openai.com/v1/chat/completions", body, answer)


@pytest.mark.parametrize(
    ("arguments", "draws_on"),
    [
        ({"id": 4711}, (0,)),
        ({"where": {"city": "Lisbon"}}, (0,)),
        ({"ids": ["9", 4711], "when": "none"}, (0, 1)),
        ({"city": "Porto", "days": 3, "express": True}, ()),
        ({}, ()),
    ],
)
def test_a_word_or_a_number_tells_where_arguments_come_from(
    arguments: dict[str, object], draws_on: tuple[int, ...]
) -> None:
    (asked,) = chat(arguments).tool_calls

    assert asked.draws_on == draws_on


def test_no_text_of_a_result_is_kept() -> None:
    results = chat({}).prompt.results

    assert [type(result) for result in results] == [ToolResult, ToolResult]
    assert "4711" not in repr(results)


def test_each_tool_has_its_size() -> None:
    sizes = chat({}).prompt.tool_sizes

    assert sizes == tuple(len(json.dumps(tool, separators=(",", ":"))) for tool in TOOLS)
