"""A call of four seconds, where nobody said what is slow: a hint."""

from server.answer import Answer

EXPECT = {"AP404": "call"}
HINTS = ("AP404",)
THRESHOLDS = {}
ANSWERS = lambda request: Answer(text="Noted.", first_byte_after_ms=2_700)


def talk():
    yield {"messages": [{"role": "user", "content": "Think."}], "stream": True}
