"""An agent that reads a log and says what is wrong: OpenAI chat completions, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from openai import OpenAI

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "read_log",
            "parameters": {"type": "object", "properties": {"lines": {"type": "integer"}}},
        },
    }
]


def read_log() -> str:
    return "deploy #41 failed: no space left on device\ndeploy #42 failed: no space left on device"


def diagnose(client: OpenAI) -> Iterator[str]:
    """What is wrong, piece by piece as it comes in."""
    question = f"Today is {datetime.now(UTC).date()}. What is wrong with our deployments?"
    messages: list[Any] = [{"role": "user", "content": question}]
    while True:
        calls = []
        stream = client.chat.completions.create(
            model="small-1",
            messages=messages,
            tools=TOOLS,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"session_token": client.api_key},
        )
        for chunk in stream:
            for choice in chunk.choices:
                calls += choice.delta.tool_calls or []
                if choice.delta.content:
                    yield choice.delta.content
        if not calls:
            return
        function = {"name": calls[0].function.name, "arguments": calls[0].function.arguments}
        messages.append(
            {"role": "assistant", "tool_calls": [{"id": calls[0].id, "type": "function", "function": function}]}
        )
        messages.append({"role": "tool", "tool_call_id": calls[0].id, "content": read_log()})
