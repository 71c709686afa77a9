"""The time of day stands at the beginning of a long system prompt."""

from server.answer import Answer

EXPECT = {"AP302": ""}
ANSWERS = lambda request: Answer(text="Noted.")
RULES = "Answer briefly and politely. " * 200


def talk():
    messages = []
    for minute in range(3):
        messages.append({"role": "user", "content": f"Question {minute}"})
        system = {"role": "system", "content": f"It is 10:0{minute}. {RULES}"}
        messages.append((yield {"messages": [system, *messages]}))
