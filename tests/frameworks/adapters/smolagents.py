"""smolagents' agent that calls tools by JSON."""

from __future__ import annotations

from smolagents import OpenAIModel, ToolCallingAgent, tool
from tools import MODEL, PROMPT


def run(url, tools, way):
    model = OpenAIModel(MODEL, api_base=f"{url}/v1", api_key="fake")
    threads = 1 if way.endswith("sequential") else None
    agent = ToolCallingAgent(list(map(tool, tools.values())), model, max_tool_threads=threads, verbosity_level=0)
    agent.run(PROMPT)
