import openai_agent
import pytest
from openai import OpenAI


@pytest.fixture
def assistant(monkeypatch):
    """An assistant with the clock of the recording."""
    monkeypatch.setitem(openai_agent.TOOLS, "current_date", lambda: "2024-01-01")
    monkeypatch.setitem(openai_agent.TOOLS, "current_month", lambda: "February")
    with OpenAI() as client:
        yield openai_agent.Assistant(client)


@pytest.mark.vcr
@pytest.mark.max_latency(1_000)
@pytest.mark.max_llm_calls(3)
@pytest.mark.max_tokens(500)
@pytest.mark.max_cost(0.0001)
def test_answers_a_question_and_a_follow_up(assistant):
    assert assistant.ask("What's the current date in Y-M-D format?") == "It is 2024-01-01."
    assert assistant.ask("What month is it? Provide the full name") == "It is February."
