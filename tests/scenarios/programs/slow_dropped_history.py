"""The oldest message is dropped with each new one: the window slides."""

from server.answer import Answer

EXPECT = {"AP302": ""}
ANSWERS = lambda request: Answer(text="I see. " * 200)


def talk():
    messages = [{"role": "user", "content": f"Note {n}: " + "many words " * 100} for n in range(6)]
    for turn in range(3):
        messages = messages[2:] if turn else messages
        messages = [*messages, (yield {"messages": messages}), {"role": "user", "content": f"And {turn}?"}]
