"""Mostly prompt, and growing, but small."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP303",)
ANSWERS = lambda request: Answer(text="Yes.", input_tokens=40 * len(request["messages"]), output_tokens=2)


def talk():
    messages = []
    for turn in range(5):
        messages.append({"role": "user", "content": f"Is {turn} a number?"})
        messages.append((yield {"messages": messages}))
