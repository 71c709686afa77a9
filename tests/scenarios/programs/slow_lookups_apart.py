"""Lookups one turn each, though none needs another."""

from server.answer import Answer, Tool

EXPECT = {"AP102": ""}
ANSWERS = [
    *(Answer(tools=(Tool(name="weather", arguments={"city": city}),)) for city in ("Rome", "Oslo", "Lima")),
    Answer(text="Rome."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "hotel")]


def talk():
    messages = [{"role": "user", "content": "Where is it warm?"}]
    for _ in range(4):
        message = yield {"messages": messages, "tools": TOOLS}
        messages.append(message)
        for call in message.get("tool_calls") or ():
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "17 degrees"})
