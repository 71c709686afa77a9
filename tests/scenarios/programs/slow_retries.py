"""The SDK tries again, twice, without a word."""

from server.answer import Answer

EXPECT = {"AP305": ""}
OPTIONS = {"max_retries": 2}
ANSWERS = [Answer(status=429, headers=(("retry-after", "2"),)), Answer(status=500), Answer(text="At last.")]


def talk():
    yield {"messages": [{"role": "user", "content": "Hi."}]}
