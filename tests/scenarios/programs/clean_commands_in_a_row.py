"""Of commands in one shell the later ones count on what the earlier ones did, whatever was printed."""

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP102",)
COMMANDS = ["make build", "sed -i s/colour/color/ notes.md", "grep -c color notes.md"]


def ANSWERS(request):
    turn = len(request["messages"]) // 2
    if turn == len(COMMANDS):
        return Answer(text="Done.")
    return Answer(tools=(Tool(name="bash", arguments={"command": COMMANDS[turn]}),))


TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": {}}}]


def talk():
    messages = [{"role": "user", "content": "Repair it."}]
    for _ in range(len(COMMANDS) + 1):
        message = yield {"messages": messages, "tools": TOOLS}
        messages.append(message)
        for call in message.get("tool_calls") or ():
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "ok"})
