"""The agent frameworks that are tested: what must be installed, and the ways in which an agent of it is run.

Each has a module in `adapters/` with `run(url, tools, way)`: an agent with these tools is asked once. The first word of a way
says what the tools are: plain functions, coroutines, or coroutines that hold their event loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

Becomes = Literal["parallel", "loop", "blocking"]
"""Of three calls in one turn: they run at the same time; or else why not, in the words of AP101.

A limit of one at a time is a loop.
"""

HAND_WRITTEN: Mapping[str, Becomes] = {
    "sync": "loop",
    "sync_threads": "parallel",
    "async": "parallel",
    "async_sequential": "loop",
    "blocking": "blocking",
}
LOOPS: Mapping[str, Becomes] = {"sync": "loop", "async": "loop", "blocking": "loop"}
GATHERS: Mapping[str, Becomes] = {"sync": "parallel", "async": "parallel", "blocking": "blocking"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    title: str
    """For the docs."""
    imports: tuple[str, ...]
    """Packages without which there is nothing to test."""
    ways: Mapping[str, Becomes]
    alone: tuple[str, ...] = ("seam", "detector", "window", "otel")
    """Sources that are tried without the others. The last lets the framework trace, for good."""
    elsewhere: bool = False
    """Its tools run in another process."""

    def missing(self) -> str:
        return ", ".join(name for name in self.imports if not _found(name))


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


FRAMEWORKS = {
    "openai_raw": Framework(title="own loop over openai", imports=("openai",), ways=HAND_WRITTEN),
    "anthropic_raw": Framework(title="own loop over anthropic", imports=("anthropic",), ways=HAND_WRITTEN),
    "litellm": Framework(title="own loop over litellm", imports=("litellm",), ways=HAND_WRITTEN),
    "mcp_stdio": Framework(
        title="own loop over an MCP client (stdio)",
        imports=("mcp", "openai"),
        ways={"async": "parallel", "async_sequential": "loop"},
        elsewhere=True,
    ),
    "mcp_http": Framework(
        title="own loop over an MCP client (HTTP)",
        alone=("seam", "detector", "window"),  # traced, it sends a random id with each request
        imports=("mcp", "openai"),
        ways={"async": "parallel", "async_sequential": "loop"},
        elsewhere=True,
    ),
    "anthropic_tool_runner": Framework(title="anthropic `tool_runner`", imports=("anthropic.lib.tools",), ways=LOOPS),
    "google_genai": Framework(title="google-genai, automatic calling", imports=("google.genai",), ways=LOOPS),
    "openai_agents": Framework(
        title="openai-agents", imports=("agents.run_internal",), ways={**GATHERS, "sync_sequential": "loop"}
    ),
    "langchain": Framework(
        title="langchain, langgraph",
        imports=("langchain.agents", "langgraph", "langchain_openai"),
        ways={**GATHERS, "sync_sequential": "loop"},
    ),
    "pydantic_ai": Framework(
        title="pydantic-ai",
        imports=("pydantic_ai", "openai"),
        ways={**GATHERS, "sync_sequential": "loop", "async_sequential": "loop"},
    ),
    "smolagents": Framework(
        title="smolagents", imports=("smolagents", "openai"), ways={"sync": "parallel", "sync_sequential": "loop"}
    ),
    "strands": Framework(
        title="strands-agents", imports=("strands", "openai"), ways={**GATHERS, "sync_sequential": "loop"}
    ),
    "agno": Framework(
        title="agno", imports=("agno", "openai"), ways={**GATHERS, "sync": "loop", "sync_arun": "parallel"}
    ),
    "google_adk": Framework(title="google-adk", imports=("google.adk",), ways={**GATHERS, "sync": "blocking"}),
    "llama_index": Framework(
        title="llama-index", imports=("llama_index.core", "llama_index.llms.openai"), ways=GATHERS
    ),
    "autogen": Framework(title="autogen", imports=("autogen_agentchat", "autogen_ext", "openai"), ways=GATHERS),
    "agent_framework": Framework(title="agent-framework", imports=("agent_framework.openai",), ways=GATHERS),
    "crewai": Framework(title="crewai", imports=("crewai",), ways={"sync": "parallel", "sync_lite": "parallel"}),
}
