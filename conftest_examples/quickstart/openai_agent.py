"""An assistant that knows what day it is: OpenAI chat completions, tools run in threads."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from openai import OpenAI


def current_date() -> str:
    """Return the current date"""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def current_month() -> str:
    """Return the full name of the current month"""
    return f"{datetime.now(UTC):%B}"


def describe(tool: Callable[..., str]) -> dict[str, Any]:
    parameters = {"type": "object", "description": "", "properties": {}, "required": [], "additionalProperties": False}
    function = {"name": tool.__name__, "description": tool.__doc__, "strict": True, "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = {tool.__name__: tool for tool in (current_date, current_month)}
DESCRIPTIONS = [describe(tool) for tool in TOOLS.values()]


class Assistant:
    def __init__(self, client: OpenAI) -> None:
        self.client = client
        self.messages: list[Any] = [
            {"role": "system", "content": "Always use a tool to answer. Reply with 'It is ____.'."}
        ]

    def ask(self, question: str) -> str:
        """The answer to a question; what was said before is remembered."""
        self.messages.append({"role": "user", "content": [{"type": "text", "text": question}]})
        while True:
            completion = self.client.chat.completions.create(
                model="gpt-4.1-nano",
                messages=self.messages,
                tools=DESCRIPTIONS,
                seed=1014,
                temperature=0,
                stream=False,
            )
            message = completion.choices[0].message
            if not message.tool_calls:
                self.messages.append({"role": "assistant", "content": [{"type": "text", "text": message.content}]})
                return message.content
            self.messages.append({"role": "assistant", "tool_calls": [call.to_dict() for call in message.tool_calls]})
            with ThreadPoolExecutor() as pool:
                self.messages += pool.map(run_tool, message.tool_calls)


def run_tool(call: Any) -> dict[str, str]:
    result = TOOLS[call.function.name](**json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": result}
