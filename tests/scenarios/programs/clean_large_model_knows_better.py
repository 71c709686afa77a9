"""The large model says something else."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP304",)
ANSWERS = lambda request: Answer(text=f"spam, says {request['model']}")


def talk():
    for model in ("gpt-4o", "gpt-4o-mini"):
        yield {"model": model, "messages": [{"role": "user", "content": "Spam? Win a prize!"}]}
