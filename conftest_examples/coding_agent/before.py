"""A coding agent as it was first written. It works, and each of its shortcuts passed review."""

import asyncio
import json
from pathlib import Path
from typing import Any

import toolbox
import workspace
import yaml
from openai import AsyncOpenAI

SETTINGS = Path(__file__).with_name("settings.yaml")


async def read_file(root: Path, path: str) -> str:
    return workspace.read(root / path)


async def edit_file(root: Path, path: str, old: str, new: str) -> str:
    text = workspace.read(root / path)
    if text.count(old) != 1:
        return f"{path} holds that text {text.count(old)} times"
    workspace.write(root / path, text.replace(old, new))
    return "done"


async def run_tests(root: Path, path: str) -> str:
    await asyncio.sleep(0.6)  # a service runs them
    return "2 passed" if "ROUND_HALF_UP" in (root / "price.py").read_text() else "price.py: 1.005 was rounded to 1.00"


TOOLS = {tool.__name__: tool for tool in (read_file, edit_file, run_tests)}


class Agent:
    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        self.log = log
        self.steps: list[Any] = []

    async def repair(self, task: str) -> str:
        messages: list[Any] = [{"role": "user", "content": task}]
        while True:
            answer = await self.ask(messages)
            messages.append(answer)
            for call in answer.get("tool_calls", ()):
                messages.append(await self.run_tool(call))
            self.steps = messages
            self.dump()
            if not answer.get("tool_calls"):
                return answer["content"]

    async def ask(self, messages: list[Any]) -> dict[str, Any]:
        settings = yaml.safe_load(SETTINGS.read_text())
        async with AsyncOpenAI() as client:
            answer = await client.chat.completions.create(
                model=settings["model"],
                messages=[{"role": "system", "content": settings["system"]}, *messages],
                tools=[*toolbox.REPAIR, *toolbox.OTHERS],
            )
        return answer.choices[0].message.to_dict()

    async def run_tool(self, call: Any) -> dict[str, str]:
        function = call["function"]
        result = await TOOLS[function["name"]](self.root, **json.loads(function["arguments"]))
        return {"role": "tool", "tool_call_id": call["id"], "content": result}

    def dump(self) -> None:
        with self.log.open("w") as file:
            json.dump(self.steps, file, indent=2)
