"""Nothing is above what somebody set."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP404",)
THRESHOLDS = {"llm_ms": 600, "tool_ms": 100, "calls": 2}
ANSWERS = lambda request: Answer(text="Noted.")


def talk():
    for step in range(2):
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
