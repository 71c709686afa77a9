"""Thresholds that are met by calls and their number."""

from server.answer import Answer

EXPECT = {"AP404": "call"}
THRESHOLDS = {"llm_ms": 400, "calls": 3}
ANSWERS = lambda request: Answer(text="Noted.")


def talk():
    for step in range(2):
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
