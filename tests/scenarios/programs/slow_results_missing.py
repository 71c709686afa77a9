"""Of two calls only the first is answered."""

from server.answer import Answer, Tool

EXPECT = {"AP103": ""}
ANSWERS = [
    Answer(tools=(Tool(name="search", arguments={"q": "red"}), Tool(name="search", arguments={"q": "blue"}))),
    Answer(text="Red only."),
]
TOOLS = [{"type": "function", "function": {"name": "search", "parameters": {}}}]


def talk():
    messages = [{"role": "user", "content": "Search."}]
    message = yield {"messages": messages, "tools": TOOLS}
    messages += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "found"}]
    yield {"messages": messages, "tools": TOOLS}
