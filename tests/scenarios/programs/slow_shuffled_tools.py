"""Tools come in another order each time, as sets do."""

from server.answer import Answer

EXPECT = {"AP302": ""}
ANSWERS = lambda request: Answer(text="Noted.")
TOOLS = [
    {"type": "function", "function": {"name": n, "description": "Does things. " * 20, "parameters": {}}} for n in "abc"
]


def talk():
    messages = [{"role": "system", "content": "Answer briefly. " * 300}]
    for turn in range(3):
        messages.append({"role": "user", "content": f"Question {turn}"})
        messages.append((yield {"messages": messages, "tools": TOOLS[turn:] + TOOLS[:turn]}))
