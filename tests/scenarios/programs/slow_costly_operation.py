"""Plans with the large model cost nearly everything."""

from server.answer import Answer

EXPECT = {"AP304": "llm:planning"}
THRESHOLDS = {"llm_ms": 10_000, "tool_ms": 10_000, "calls": 50, "cost_share": 60}
ANSWERS = lambda request: Answer(text="Noted.", input_tokens=500)


def talk():
    for step in range(2):
        with world.timer("llm:planning"):
            yield {"messages": [{"role": "user", "content": f"Plan step {step}"}], "model": "gpt-4o"}
        with world.timer("llm:routing"):
            yield {"messages": [{"role": "user", "content": f"Route step {step}"}], "model": "gpt-4o-mini"}
