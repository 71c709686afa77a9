"""A hard stop for agents that do not stop by themselves. Two of these tests fail: that is what they are here to show."""

import puzzle_agent
import pytest
from openai import OpenAI

pytestmark = [pytest.mark.vcr, pytest.mark.default_cassette("lookups.yaml")]

PUZZLE = (
    "Solve this puzzle: call db_lookup('start'), then follow each instruction step by step. "
    "Each lookup tells you the next key to use. Compute each step in your head. State only the final integer."
)


@pytest.fixture
def client():
    with OpenAI() as client:
        yield client


def test_an_agent_with_a_turn_limit_stays_within_budget(client, token_budget):
    token_budget(max_tokens=1_000, max_cost_usd="0.02")
    assert puzzle_agent.solve(client, PUZZLE, max_turns=3) == "no solution"
    assert token_budget.used == 961
    assert token_budget.remaining == 39


def test_a_runaway_fails_at_the_call_that_would_exceed_the_tokens(client, token_budget):
    token_budget(max_tokens=1_000)
    puzzle_agent.solve(client, PUZZLE)


def test_a_runaway_fails_at_the_call_that_would_exceed_the_cost(client, token_budget):
    token_budget(max_cost_usd="0.008")
    puzzle_agent.solve(client, PUZZLE)
