"""Both models say the same about the same mail."""

from server.answer import Answer

EXPECT = {"AP304": ""}
ANSWERS = lambda request: Answer(text="spam")


def talk():
    for model in ("gpt-4o", "gpt-4o-mini"):
        yield {"model": model, "messages": [{"role": "user", "content": "Spam? Win a prize!"}]}
