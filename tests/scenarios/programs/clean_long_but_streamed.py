"""The same, streamed."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP306",)
ANSWERS = [Answer(text="A long story. " * 20, pieces=400)]


def talk():
    yield {
        "messages": [{"role": "user", "content": "Tell me a story."}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
