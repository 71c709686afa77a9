"""The same, but the provider's cache serves what was there before."""

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP303",)


def ANSWERS(request):
    turn = len(request["messages"]) // 2
    tools = (Tool(name="page", arguments={"after": f"page{turn - 1}"}),) if turn < 4 else ()
    sent = 1000 + 3000 * turn
    return Answer(
        text="" if tools else "Read.",
        tools=tools,
        input_tokens=sent,
        cached_tokens=max(0, sent - 3100),
        output_tokens=50,
    )


TOOLS = [{"type": "function", "function": {"name": "page", "parameters": {}}}]


def talk():
    messages = [{"role": "user", "content": "Read it all, after page0."}]
    for turn in range(5):
        message = yield {"messages": messages, "tools": TOOLS}
        messages.append(message)
        for call in message.get("tool_calls") or ():
            messages.append(
                {"role": "tool", "tool_call_id": call["id"], "content": f"page{turn} page{turn - 1} " + "text " * 2000}
            )
