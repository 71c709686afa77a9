"""The same bot: what the program does is a function."""

import trace_agent


def reply(question: str) -> str:
    return trace_agent.answer(question)
