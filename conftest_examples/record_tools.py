"""Record the cassettes of `tools/` from the suite's fake provider; needs openai, langchain-openai and pydantic-ai."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from server.provider import Answer, FakeProvider, Hit, Tool  # noqa: E402 - the suite is no package

TOOLS = tuple(Tool(name=name, arguments={"city": "Lisbon"}) for name in ("weather", "hotels", "flights"))


def answer(hit: Hit) -> Answer:
    if b"sun over Lisbon" in hit.body:
        return Answer(text="Go, and take the second hotel.", headers_after_ms=800)
    return Answer(tools=TOOLS, headers_after_ms=600)


def main() -> None:
    with FakeProvider(answer) as provider:
        environ = os.environ | {"OPENAI_BASE_URL": f"{provider.url}/v1", "OPENAI_API_KEY": "fake"}
        command = [sys.executable, "-m", "pytest", "-k", "at_once", "--agentperf-record=all"]
        subprocess.run(command, cwd=HERE / "tools", env=environ, check=False)  # the limits are those of a replay
    for cassette in (HERE / "tools" / "cassettes").rglob("*.yaml"):
        recorded = cassette.read_text("utf-8")
        cassette.write_text(recorded.replace(provider.url, "https://api.openai.com"), "utf-8")


if __name__ == "__main__":
    main()
