"""Twenty tools are offered with each request and one is called."""

from server.answer import Answer, Tool

EXPECT = {"AP307": ""}
ANSWERS = [Answer(tools=(Tool(name="tool_0", arguments={"id": 1}),)), Answer(text="Done.")]
TOOLS = [
    {
        "type": "function",
        "function": {"name": f"tool_{n}", "description": "Does something useful. " * 10, "parameters": {}},
    }
    for n in range(20)
]


def talk():
    messages = [{"role": "user", "content": "Do it."}]
    message = yield {"messages": messages, "tools": TOOLS}
    messages += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "ok"}]
    yield {"messages": messages, "tools": TOOLS}
