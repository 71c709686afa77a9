"""The same agent: plugins are loaded when their files change, and it asks for a person once a step."""

import asyncio
import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from openai import AsyncOpenAI

HERE = Path(__file__).parent
STAGES = ("checked", "before", "after", "answered")
"""Of a tool call, at which extensions have a say."""


class Plugins:
    """Modules by file; a file that has not changed is not loaded again."""

    def __init__(self) -> None:
        self._loaded: dict[Path, tuple[int, ModuleType]] = {}
        self.asked = self.loads = 0

    def of(self, folder: str) -> list[ModuleType]:
        return [self._module(path) for path in sorted(HERE.glob(f"{folder}/*.py"))]

    @property
    def hit_rate(self) -> float:
        return 1 - self.loads / self.asked if self.asked else 0.0

    def _module(self, path: Path) -> ModuleType:
        self.asked += 1
        changed_ns = path.stat().st_mtime_ns
        if path not in self._loaded or self._loaded[path][0] != changed_ns:
            self._loaded[path] = changed_ns, self._load(path)
        return self._loaded[path][1]

    def _load(self, path: Path) -> ModuleType:
        self.loads += 1
        spec = spec_from_file_location(path.stem, path)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


async def intervention_check() -> None:
    """A person may take over at any time."""
    await asyncio.sleep(0.05)  # asks the session's store


class Agent:
    def __init__(self) -> None:
        self.plugins = Plugins()

    @property
    def hit_rate(self) -> float:
        return self.plugins.hit_rate

    async def ask(self, question: str) -> str:
        messages: list[Any] = [{"role": "user", "content": question}]
        async with AsyncOpenAI() as client:
            while True:
                await intervention_check()
                tools = [
                    {
                        "type": "function",
                        "function": {"name": tool.__name__, "description": tool.__doc__, "parameters": tool.TAKES},
                    }
                    for tool in self.plugins.of("tools")
                ]
                answer = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=tools)
                message = answer.choices[0].message.to_dict()
                messages.append(message)
                if not message.get("tool_calls"):
                    return message["content"]
                messages += await asyncio.gather(*map(self.run_tool, message["tool_calls"]))

    async def run_tool(self, call: Any) -> dict[str, str]:
        tools = {tool.__name__: tool for tool in self.plugins.of("tools")}
        result = ""
        for stage in STAGES:
            if not all(extension.allows(stage, call) for extension in self.plugins.of("extensions")):
                result = "not allowed"
                break
            if stage == "before":
                function = call["function"]
                result = await tools[function["name"]].run(**json.loads(function["arguments"]))
        return {"role": "tool", "tool_call_id": call["id"], "content": result}
