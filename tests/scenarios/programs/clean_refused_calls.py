"""Of two calls one is not done, and the model is told why."""

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP103",)
ANSWERS = [
    Answer(tools=(Tool(name="search", arguments={"q": "red"}), Tool(name="pay", arguments={"usd": 900}))),
    Answer(text="Red it is."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("search", "pay")]


def talk():
    messages = [{"role": "user", "content": "Buy a red one."}]
    message = yield {"messages": messages, "tools": TOOLS}
    messages.append(message)
    for call in message["tool_calls"]:
        said = "found" if call["function"]["name"] == "search" else "not allowed: over 500"
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": said})
    yield {"messages": messages, "tools": TOOLS}
