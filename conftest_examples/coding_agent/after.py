"""The same agent, repaired: what each rule found is one change."""

import asyncio
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import toolbox
import workspace
import yaml
from openai import AsyncOpenAI

SETTINGS = Path(__file__).with_name("settings.yaml")


async def read_file(root: Path, path: str) -> str:
    return await asyncio.to_thread(workspace.read, root / path)


async def edit_file(root: Path, path: str, old: str, new: str) -> str:
    text = await asyncio.to_thread(workspace.read, root / path)
    if text.count(old) != 1:
        return f"{path} holds that text {text.count(old)} times"
    await asyncio.to_thread(workspace.write, root / path, text.replace(old, new))
    return "done"


async def run_tests(root: Path, path: str) -> str:
    await asyncio.sleep(0.6)  # a service runs them
    return "2 passed" if "ROUND_HALF_UP" in (root / "price.py").read_text() else "price.py: 1.005 was rounded to 1.00"


TOOLS = {tool.__name__: tool for tool in (read_file, edit_file, run_tests)}


def settings() -> dict[str, Any]:
    return _parsed(SETTINGS.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _parsed(changed_ns: int) -> dict[str, Any]:
    return yaml.safe_load(SETTINGS.read_text())


class Log:
    """A line a step, appended in the background, as many at once as have come up meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []
        self._writer: asyncio.Task[None] | None = None

    def add(self, step: Any) -> None:
        self._lines.append(json.dumps(step) + "\n")
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        while self._lines:
            lines, self._lines = self._lines, []
            await asyncio.to_thread(self._append, "".join(lines))

    def _append(self, text: str) -> None:
        with self._path.open("a") as file:
            file.write(text)


class Agent:
    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        self.log = Log(log)

    async def repair(self, task: str) -> str:
        messages: list[Any] = [{"role": "user", "content": task}]
        async with AsyncOpenAI() as client:
            while True:
                answer = await self.ask(client, messages)
                results = await asyncio.gather(*map(self.run_tool, answer.get("tool_calls", ())))
                for step in (answer, *results):
                    messages.append(step)
                    self.log.add(step)
                if not results:
                    await self.log.close()
                    return answer["content"]

    async def ask(self, client: AsyncOpenAI, messages: list[Any]) -> dict[str, Any]:
        answer = await client.chat.completions.create(
            model=settings()["model"],
            messages=[{"role": "system", "content": settings()["system"]}, *messages],
            tools=toolbox.REPAIR,
        )
        return answer.choices[0].message.to_dict()

    async def run_tool(self, call: Any) -> dict[str, str]:
        function = call["function"]
        result = await TOOLS[function["name"]](self.root, **json.loads(function["arguments"]))
        return {"role": "tool", "tool_call_id": call["id"], "content": result}
