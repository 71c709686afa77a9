"""A long conversation that only grows at its end; the date is in the last message."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP302",)
ANSWERS = lambda request: Answer(text="Noted.", cached_tokens=60)


def talk():
    messages = [{"role": "system", "content": "Answer briefly and politely. " * 200}]
    for minute in range(4):
        messages.append({"role": "user", "content": f"It is 10:0{minute}. Question {minute}"})
        messages.append((yield {"messages": messages}))
