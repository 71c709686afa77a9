"""A prompt that changes at its beginning, but is too short for any cache."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP302",)
ANSWERS = lambda request: Answer(text="Noted.")


def talk():
    messages = []
    for minute in range(3):
        messages.append({"role": "user", "content": f"Question {minute}"})
        messages.append((yield {"messages": [{"role": "system", "content": f"It is 10:0{minute}."}, *messages]}))
