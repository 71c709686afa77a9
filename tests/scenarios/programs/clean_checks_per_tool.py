"""1 checks for an intervention for each tool call."""

import time

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP401",)
ANSWERS = [
    Answer(tools=(Tool(name="look", arguments={"at": "a1"}),)),
    Answer(tools=(Tool(name="look", arguments={"at": "b2"}),)),
    Answer(text="Seen."),
]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {}}}]


def talk():
    messages = [{"role": "user", "content": "Look around."}]
    for _ in range(3):
        message = yield {"messages": messages, "tools": TOOLS}
        messages.append(message)
        for call in message.get("tool_calls") or ():
            for _ in range(1):
                with world.timer("intervention_check"):
                    time.sleep(0.005)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "there is b2"})
