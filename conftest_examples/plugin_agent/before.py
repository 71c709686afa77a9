"""An agent made of plugins: tools and extensions are files, and it looks for them whenever it needs one."""

import asyncio
import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from openai import AsyncOpenAI

HERE = Path(__file__).parent
STAGES = {"received": False, "checked": True, "before": True, "after": True, "stored": False, "answered": True}
"""Of a tool call, and whether extensions have a say."""


def load(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_tools() -> dict[str, ModuleType]:
    return {path.stem: load(path) for path in sorted(HERE.glob("tools/*.py"))}


def load_extensions() -> list[ModuleType]:
    return [load(path) for path in sorted(HERE.glob("extensions/*.py"))]


async def intervention_check() -> None:
    """A person may take over at any time."""
    await asyncio.sleep(0.05)  # asks the session's store


class Agent:
    hit_rate = 0.0

    async def ask(self, question: str) -> str:
        messages: list[Any] = [{"role": "user", "content": question}]
        async with AsyncOpenAI() as client:
            while True:
                tools = [
                    {
                        "type": "function",
                        "function": {"name": name, "description": tool.__doc__, "parameters": tool.TAKES},
                    }
                    for name, tool in find_tools().items()
                ]
                answer = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=tools)
                message = answer.choices[0].message.to_dict()
                messages.append(message)
                if not message.get("tool_calls"):
                    return message["content"]
                messages += await asyncio.gather(*map(self.run_tool, message["tool_calls"]))

    async def run_tool(self, call: Any) -> dict[str, str]:
        result = ""
        for stage, extended in STAGES.items():
            await intervention_check()
            if extended and not all(extension.allows(stage, call) for extension in load_extensions()):
                result = "not allowed"
                break
            if stage == "before":
                function = call["function"]
                result = await find_tools()[function["name"]].run(**json.loads(function["arguments"]))
        return {"role": "tool", "tool_call_id": call["id"], "content": result}
