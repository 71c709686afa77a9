"""The same question under other settings is another request."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP301",)
ANSWERS = lambda request: Answer(text="A poem.")


def talk():
    for temperature in (0.5, 1, 1.25):
        yield {"messages": [{"role": "user", "content": "A poem."}], "temperature": temperature}
