"""Two operations that cost about the same."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP304",)
THRESHOLDS = {"llm_ms": 10_000, "tool_ms": 10_000, "calls": 50, "cost_share": 60}
ANSWERS = lambda request: Answer(text="Noted.", input_tokens=500)


def talk():
    for step in range(2):
        for name in ("llm:planning", "llm:writing"):
            with world.timer(name):
                yield {"messages": [{"role": "user", "content": f"{name} step {step}"}], "model": "gpt-4o"}
