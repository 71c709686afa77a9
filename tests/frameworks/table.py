"""The agent frameworks that are tested: what must be installed, and the ways in which an agent of it is run.

Each has a module in `adapters/` with `run(url, tools, way)`: an agent with these tools is asked once. The first word of a way
says what the tools are: plain functions, coroutines, coroutines that hold their event loop, coroutines that share a lock, or
functions that do (`guarded`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import pytest
from _pytest.mark import ParameterSet
from packaging.requirements import Requirement

Becomes = Literal["parallel", "loop", "blocking", "limit"]
"""Of three calls in one turn: they run at the same time; or else why not, in the words of AP101.

A limit of one at a time is a loop.
"""

HAND_WRITTEN: Mapping[str, Becomes] = {
    "sync": "loop",
    "sync_threads": "parallel",
    "async": "parallel",
    "async_sequential": "loop",
    "blocking": "blocking",
    "locked": "limit",
}
LOOPS: Mapping[str, Becomes] = {"sync": "loop", "async": "loop", "blocking": "loop"}
GATHERS: Mapping[str, Becomes] = {
    "sync": "parallel",
    "async": "parallel",
    "blocking": "blocking",
    "locked": "limit",
}
IN_THREADS: Mapping[str, Becomes] = {**GATHERS, "guarded": "limit"}
"""Functions run in threads that know for which call: their waits for a lock are the tool's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    title: str
    """For the docs."""
    needs: tuple[str, ...]
    """Distributions without which there is nothing to test; of those that the second environment has older, which one."""
    ways: Mapping[str, Becomes]
    alone: tuple[str, ...] = ("seam", "detector", "window", "otel")
    """Sources that are tried without the others. The last lets the framework trace, for good."""
    elsewhere: bool = False
    """Its tools run in another process."""


def if_there(name: str, needs: Iterable[str]) -> ParameterSet:
    """A parameter of a test that is skipped where something is missing."""
    absent = [need for need in needs if not _met(Requirement(need))]
    absent += ["Python 3.12"] if sys.version_info < (3, 12) else []
    return pytest.param(name, marks=pytest.mark.skipif(bool(absent), reason=f"without {', '.join(absent)}"))


def _met(need: Requirement) -> bool:
    try:
        return version(need.name) in need.specifier
    except PackageNotFoundError:
        return False


FRAMEWORKS = {
    "openai_raw": Framework(title="own loop over openai", needs=("openai>=3",), ways=HAND_WRITTEN),
    "anthropic_raw": Framework(title="own loop over anthropic", needs=("anthropic",), ways=HAND_WRITTEN),
    "litellm": Framework(title="own loop over litellm", needs=("litellm",), ways=HAND_WRITTEN),
    "mcp_stdio": Framework(
        title="own loop over an MCP client (stdio)",
        needs=("mcp>=2", "openai>=3"),
        ways={"async": "parallel", "async_sequential": "loop"},
        elsewhere=True,
    ),
    "mcp_http": Framework(
        title="own loop over an MCP client (HTTP)",
        alone=("seam", "detector", "window"),  # traced, it sends a random id with each request
        needs=("mcp>=2", "openai>=3"),
        ways={"async": "parallel", "async_sequential": "loop"},
        elsewhere=True,
    ),
    "anthropic_tool_runner": Framework(title="anthropic `tool_runner`", needs=("anthropic",), ways=LOOPS),
    "google_genai": Framework(title="google-genai, automatic calling", needs=("google-genai>=3",), ways=LOOPS),
    "openai_agents": Framework(
        title="openai-agents", needs=("openai-agents",), ways={**IN_THREADS, "sync_sequential": "loop"}
    ),
    "langchain": Framework(
        title="langchain, langgraph",
        needs=("langchain", "langgraph", "langchain-openai"),
        ways={**IN_THREADS, "sync_sequential": "loop"},
    ),
    "pydantic_ai": Framework(
        title="pydantic-ai",
        needs=("pydantic-ai-slim", "openai"),
        ways={**IN_THREADS, "sync_sequential": "loop", "async_sequential": "loop"},
    ),
    "smolagents": Framework(
        title="smolagents",
        needs=("smolagents", "openai"),
        ways={"sync": "parallel", "sync_sequential": "loop", "guarded": "limit"},
    ),
    "strands": Framework(
        title="strands-agents", needs=("strands-agents", "openai"), ways={**IN_THREADS, "sync_sequential": "loop"}
    ),
    "agno": Framework(
        title="agno", needs=("agno", "openai"), ways={**IN_THREADS, "sync": "loop", "sync_arun": "parallel"}
    ),
    "google_adk": Framework(title="google-adk", needs=("google-adk",), ways={**GATHERS, "sync": "blocking"}),
    "llama_index": Framework(title="llama-index", needs=("llama-index-core", "llama-index-llms-openai"), ways=GATHERS),
    "autogen": Framework(title="autogen", needs=("autogen-agentchat", "autogen-ext"), ways=GATHERS),
    "agent_framework": Framework(title="agent-framework", needs=("agent-framework-openai",), ways=IN_THREADS),
    "crewai": Framework(
        title="crewai", needs=("crewai",), ways={"sync": "parallel", "sync_lite": "parallel", "guarded": "limit"}
    ),
}
