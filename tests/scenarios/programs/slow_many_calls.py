"""More calls than somebody allowed, each of them quick."""

from server.answer import Answer

EXPECT = {"AP404": "calls"}
THRESHOLDS = {"llm_ms": 600, "calls": 4}
ANSWERS = lambda request: Answer(text="Noted.")


def talk():
    for step in range(5):
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
