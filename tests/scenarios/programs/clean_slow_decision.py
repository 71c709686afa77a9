"""A slow answer that asks for a tool has no reader."""

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP306",)
ANSWERS = [Answer(tools=(Tool(name="book", arguments={"room": 7}),), first_byte_after_ms=5000), Answer(text="Booked.")]
TOOLS = [{"type": "function", "function": {"name": "book", "parameters": {}}}]


def talk():
    messages = [{"role": "user", "content": "Book."}]
    message = yield {"messages": messages, "tools": TOOLS}
    messages += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "ok"}]
    yield {"messages": messages, "tools": TOOLS}
