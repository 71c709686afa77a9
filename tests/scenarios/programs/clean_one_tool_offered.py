"""Parallel calls switched off, but there is one tool only."""

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP104",)
ANSWERS = [Answer(tools=(Tool(name="think", arguments={"about": "it"}),)), Answer(text="Thought.")]
TOOLS = [{"type": "function", "function": {"name": "think", "parameters": {}}}]


def talk():
    messages = [{"role": "user", "content": "Think."}]
    message = yield {"messages": messages, "tools": TOOLS, "parallel_tool_calls": False}
    messages += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "deeply"}]
    yield {"messages": messages, "tools": TOOLS, "parallel_tool_calls": False}
