"""An agent that looks up keys until the model is content: OpenAI responses with reasoning.

The database knows one key only, so the model keeps guessing, and nothing in `solve` ends the loop. Worse, it tries again
whatever went wrong. This is the agent that runs all night.
"""

import json
from typing import Any

from openai import OpenAI

DATABASE = {"start": "Begin with the value 7."}

DB_LOOKUP = {
    "type": "function",
    "name": "db_lookup",
    "description": "Look up a value by key in the puzzle database.",
    "parameters": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
}


def solve(client: OpenAI, puzzle: str, max_turns: float = float("inf")) -> str:
    conversation: list[Any] = [{"role": "user", "content": puzzle}]
    turn = 0
    while turn < max_turns:
        try:
            answer = client.responses.create(
                model="gpt-5.5",
                input=conversation,
                tools=[DB_LOOKUP],
                reasoning={"effort": "high"},
                include=["reasoning.encrypted_content"],
                store=False,
                stream=False,
            )
        except Exception:
            continue
        turn += 1
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        conversation += [item.to_dict() for item in answer.output if item.type == "reasoning"]
        for call in calls:
            conversation += run_tool(call)
    return "no solution"


def run_tool(call: Any) -> list[dict[str, str]]:
    """What was asked for, and the result."""
    arguments = json.loads(call.arguments)
    result = DATABASE.get(arguments["key"], "unknown key")
    return [
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": json.dumps(arguments)},
        {"type": "function_call_output", "call_id": call.call_id, "output": result},
    ]
