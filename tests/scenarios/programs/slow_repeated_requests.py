"""The same item is classified again and again."""

from server.answer import Answer

EXPECT = {"AP301": ""}
ANSWERS = lambda request: Answer(text="spam")


def talk():
    for mail in ("Win a prize", "Hello Ann", "Win a prize", "Win a prize"):
        yield {"messages": [{"role": "system", "content": "Spam or not?"}, {"role": "user", "content": mail}]}
