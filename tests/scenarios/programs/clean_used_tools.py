"""Long descriptions, but of the tool that is called."""

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP307",)
ANSWERS = [Answer(tools=(Tool(name="tool_0", arguments={"id": 1}),)), Answer(text="Done.")]
TOOLS = [
    {
        "type": "function",
        "function": {"name": "tool_0", "description": "Does something useful. " * 100, "parameters": {}},
    },
    {"type": "function", "function": {"name": "stop", "description": "Stops.", "parameters": {}}},
]


def talk():
    messages = [{"role": "user", "content": "Do it."}]
    message = yield {"messages": messages, "tools": TOOLS}
    messages += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "ok"}]
    yield {"messages": messages, "tools": TOOLS}
