"""strands-agents."""

from __future__ import annotations

from strands import Agent, tool
from strands.models.openai import OpenAIModel
from strands.tools.executors import ConcurrentToolExecutor, SequentialToolExecutor
from tools import MODEL, PROMPT


def run(url, tools, way):
    model = OpenAIModel(client_args={"base_url": f"{url}/v1", "api_key": "fake", "max_retries": 0}, model_id=MODEL)
    executor = SequentialToolExecutor() if way.endswith("sequential") else ConcurrentToolExecutor()
    Agent(model, tools=list(map(tool, tools.values())), callback_handler=None, tool_executor=executor)(PROMPT)
