"""Two agents with prompts of their own talk about the same task: they share nothing, and are not meant to."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP302",)
ANSWERS = lambda request: Answer(text="Done. " * len(request["messages"]))


def talk():
    for role in ("planner", "critic", "writer"):
        system = {"role": "system", "content": f"You are the {role}. " * 300}
        yield {"messages": [system, {"role": "user", "content": f"As {role}: the report."}]}
