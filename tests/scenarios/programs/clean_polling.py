"""The same question again, until it is answered differently."""

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP102",)
ANSWERS = [
    *(Answer(tools=(Tool(name="status", arguments={"job": 7}),)) for _ in range(2)),
    Answer(text="Done."),
]
TOOLS = [{"type": "function", "function": {"name": "status", "parameters": {}}}]


def talk():
    messages = [{"role": "user", "content": "Wait for the job."}]
    for _ in range(3):
        message = yield {"messages": messages, "tools": TOOLS}
        messages.append(message)
        for call in message.get("tool_calls") or ():
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": f"running {len(messages)}"})
