"""A fallback to another model is no retry."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP305",)
ANSWERS = [Answer(text="A."), Answer(text="B.")]


def talk():
    yield {"messages": [{"role": "user", "content": "Hi."}]}
    yield {"messages": [{"role": "user", "content": "Hi."}], "model": "gpt-4.1"}
