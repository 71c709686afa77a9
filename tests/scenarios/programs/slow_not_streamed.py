"""A long answer in one piece."""

from server.answer import Answer

EXPECT = {"AP306": ""}
ANSWERS = [Answer(text="A long story.", first_byte_after_ms=4000)]


def talk():
    yield {"messages": [{"role": "user", "content": "Tell me a story."}]}
