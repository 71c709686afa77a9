"""The places where frameworks run a tool. One row each; the wrapper is in `wrap`, the rest is text.

A path starts at a parameter of the function and goes on by attribute, key or call without arguments: `self.name`,
`tool_use.input`, `call.args_as_dict()`. `|` separates what different versions need; the first that leads somewhere
counts. A path that ends in None says that nobody knows: then the call is found by what is known.
"""

from __future__ import annotations

from typing import NamedTuple


class Seam(NamedTuple):
    framework: str
    """Its distribution."""
    module: str
    function: str
    """`Class.method` or the name of a function of the module."""
    name: str
    """Path to the tool's name."""
    arguments: str
    """Path to a mapping, to JSON text, or to an object whose attributes they are."""
    call_id: str = ""
    """Path to the model's name for the call; empty: it is not known there."""
    versions: str = ""
    """The same word in several rows: one place, which another version of the framework has elsewhere."""


SEAMS = (
    Seam(
        "openai-agents",
        "agents.run_internal.tool_execution",
        "_invoke_function_tool_with_metadata",
        name="function_tool.name",
        arguments="arguments",
        call_id="context.tool_call_id",
    ),
    Seam(
        "langchain-core",
        "langchain_core.tools.base",
        "BaseTool.run",
        name="self.name",
        arguments="tool_input",
        call_id="tool_call_id",
    ),
    Seam(
        "langchain-core",
        "langchain_core.tools.base",
        "BaseTool.arun",
        name="self.name",
        arguments="tool_input",
        call_id="tool_call_id",
    ),
    Seam(
        "langchain-core",
        "langchain_core.tools.structured",
        "StructuredTool._arun",
        name="self.name",
        arguments="kwargs",
    ),
    Seam(
        "pydantic-ai-slim",
        "pydantic_ai.tool_manager",
        "ToolManager.execute_tool_call",
        name="validated.call.tool_name",
        arguments="validated.call.args_as_dict()",
        call_id="validated.call.tool_call_id",
        versions="ToolManager",
    ),
    Seam(
        "pydantic-ai-slim",
        "pydantic_ai._tool_manager",
        "ToolManager.handle_call",
        name="call.tool_name",
        arguments="call.args_as_dict()",
        call_id="call.tool_call_id",
        versions="ToolManager",
    ),
    Seam(
        "google-adk",
        "google.adk.tools.function_tool",
        "FunctionTool.run_async",
        name="self.name",
        arguments="args",
        call_id="tool_context.function_call_id",
    ),
    Seam(
        "google-genai",
        "google.genai._extra_utils",
        "invoke_function_from_dict_args",
        name="function_to_invoke.__name__",
        arguments="args",
    ),
    Seam(
        "google-genai",
        "google.genai._extra_utils",
        "invoke_function_from_dict_args_async",
        name="function_to_invoke.__name__",
        arguments="args",
    ),
    Seam(
        "smolagents",
        "smolagents.agents",
        "ToolCallingAgent.execute_tool_call",
        name="tool_name",
        arguments="arguments",
    ),
    Seam(
        "strands-agents",
        "strands.tools.executors._executor",
        "ToolExecutor._stream",
        name="tool_use.name",
        arguments="tool_use.input",
        call_id="tool_use.toolUseId",
    ),
    Seam(
        "agno",
        "agno.tools.function",
        "FunctionCall.execute",
        name="self.function.name",
        arguments="self.arguments",
        call_id="self.call_id",
    ),
    Seam(
        "agno",
        "agno.tools.function",
        "FunctionCall.aexecute",
        name="self.function.name",
        arguments="self.arguments",
        call_id="self.call_id",
    ),
    Seam(
        "llama-index-core",
        "llama_index.core.agent.workflow.base_agent",
        "BaseWorkflowAgent._call_tool",
        name="tool.metadata.name",
        arguments="tool_input",
    ),
    Seam(
        "autogen-core",
        "autogen_core.tools._base",
        "BaseTool.run_json",
        name="self.name",
        arguments="args",
        call_id="call_id",
    ),
    Seam(
        "agent-framework-core",
        "agent_framework._tools",
        "FunctionTool.invoke",
        name="self.name",
        arguments="arguments",
        call_id="kwargs.tool_call_id|tool_call_id",
    ),
    Seam(
        "crewai",
        "crewai.agents.agent_executor",
        "AgentExecutor._execute_single_native_tool_call",
        name="tool_call.function.name",
        arguments="tool_call.function.arguments",
        call_id="tool_call.id",
        versions="native tool calls",
    ),
    Seam(
        "crewai",
        "crewai.experimental.agent_executor",
        "AgentExecutor._execute_single_native_tool_call",
        name="tool_call.function.name",
        arguments="tool_call.function.arguments",
        call_id="tool_call.id",
        versions="native tool calls",
    ),
    Seam(
        "crewai",
        "crewai.agents.crew_agent_executor",
        "CrewAgentExecutor._execute_single_native_tool_call",
        name="func_name",
        arguments="func_args",
        call_id="call_id",
        versions="native tool calls",
    ),
    Seam(
        "crewai",
        "crewai.agents.step_executor",
        "execute_single_native_tool_call",
        name="tool_call.function.name",
        arguments="tool_call.function.arguments",
        call_id="tool_call.id",
        versions="native tool calls",
    ),
    Seam(
        "anthropic",
        "anthropic.lib.tools._beta_functions",
        "BetaFunctionTool.call",
        name="self.name",
        arguments="input",
    ),
    Seam(
        "anthropic",
        "anthropic.lib.tools._beta_functions",
        "BetaAsyncFunctionTool.call",
        name="self.name",
        arguments="input",
    ),
    Seam(
        "mcp",
        "mcp.client.session",
        "ClientSession.call_tool",
        name="name",
        arguments="arguments",
    ),
    Seam(
        "trae-agent",
        "trae_agent.tools.base",
        "ToolExecutor.execute_tool_call",
        name="tool_call.name",
        arguments="tool_call.arguments",
        call_id="tool_call.call_id",
    ),
)
