"""Two tools are offered, and the request allows one call a turn."""

from server.answer import Answer, Tool

EXPECT = {"AP104": ""}
ANSWERS = [
    Answer(tools=(Tool(name="weather", arguments={"city": "Rome"}),)),
    Answer(tools=(Tool(name="hotel", arguments={"near": "sunny"}),)),
    Answer(text="Booked."),
]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "hotel")]


def talk():
    messages = [{"role": "user", "content": "Somewhere warm."}]
    for _ in range(3):
        message = yield {"messages": messages, "tools": TOOLS, "parallel_tool_calls": False}
        messages.append(message)
        for call in message.get("tool_calls") or ():
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "sunny"})
