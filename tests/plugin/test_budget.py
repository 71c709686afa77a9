"""The hard stop: the call that would go over the budget is not sent."""

from __future__ import annotations

import pytest

from server.provider import Answer


def test_the_call_that_would_go_over_is_not_sent(session, provider):
    session.makepyfile(
        """
        import agent

        def test_stop(token_budget):
            token_budget(max_tokens=250)
            agent.loop(10)
        """
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*token_budget(max_tokens=250): LLM call 3 (gpt-4o) was not sent: 240 tokens used, its prompt would have*"]
    )


@pytest.mark.parametrize(
    "eater",
    [
        "try:\n        agent.loop(10)\n    except Exception:\n        pass",
        "try:\n        agent.loop(10)\n    except BaseException:\n        pass",
        "asyncio.run(all_of(agent))",
        "with ThreadPoolExecutor() as pool:\n        pool.submit(agent.loop, 10)",
    ],
    ids=["except", "except-base", "gather", "pool"],
)
def test_nobody_can_eat_the_stop(session, provider, eater):
    session.makepyfile(
        f"""
import agent, asyncio
from concurrent.futures import ThreadPoolExecutor

async def all_of(agent):
    await asyncio.gather(*(agent.ask_async(str(n) * 400) for n in range(5)), return_exceptions=True)

def test_stop(token_budget):
    token_budget(max_tokens=200)
    {eater}
"""
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    assert len(provider.hits) < 5
    result.stdout.fnmatch_lines(["*was not sent: * tokens used, *200 tokens allowed*"])


def test_a_category_has_its_own_budget(session, provider):
    session.makepyfile(
        """
        import agent

        def test_stop(profiler, token_budget):
            token_budget.set("planning", max_tokens=130)
            agent.loop(3)
            with profiler.timer("llm:planning"):
                agent.ask("a")
                token_budget.check("planning")
                agent.ask("b" * 400)
        """
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    assert len(provider.hits) == 4
    result.stdout.fnmatch_lines(
        ["*token_budget.set('planning', max_tokens=130): LLM call 5 (gpt-4o) was not sent: 120 tokens used*"]
    )


def test_money(session, provider):
    session.makepyfile(
        """
        import agent

        def test_stop(token_budget):
            token_budget(max_cost_usd="0.00046")
            agent.loop(10)
        """
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*token_budget(max_cost_usd='0.00046'): LLM call 2 (gpt-4o) was not sent: *$0.00045 used*"]
    )


def test_used_and_remaining(session):
    session.makepyfile(
        """
        import agent
        from decimal import Decimal

        def test_account(token_budget):
            assert (token_budget.used, token_budget.remaining) == (0, None)
            token_budget(max_tokens=1000, max_cost_usd=1)
            agent.ask()
            assert (token_budget.used, token_budget.remaining) == (120, 880)
            assert token_budget.used_usd == Decimal("0.00045")
            assert token_budget.remaining_usd == Decimal("0.99955")
            token_budget.check()
        """
    )
    session.runpytest().assert_outcomes(passed=1)


def test_an_answer_that_went_over_fails_at_the_end(session, provider):
    provider.reply = Answer(text="Long.", input_tokens=10, output_tokens=500)
    session.makepyfile(
        """
        import agent

        def test_over(token_budget):
            token_budget(max_tokens=100)
            agent.ask()
        """
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*tokens: 510 is over token_budget(max_tokens=100) by 410*"])


def test_a_budget_alone_wants_no_call(session):
    session.makepyfile("def test_quiet(token_budget): token_budget(max_tokens=100)")
    session.runpytest().assert_outcomes(passed=1)


def test_used_usd_needs_no_limit(session):
    session.makepyfile(
        """
        import agent
        from decimal import Decimal

        def test_account(token_budget):
            agent.ask()
            assert token_budget.used_usd == Decimal("0.00045")
        """
    )
    session.runpytest().assert_outcomes(passed=1)


def test_the_summary_tells_what_stopped_a_test(session):
    session.makepyfile(
        """
        import agent

        def test_runaway(token_budget):
            token_budget(max_tokens=130)
            agent.loop(5)
        """
    )
    result = session.runpytest("--agentperf")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["F stopped: token_budget(max_tokens=130): LLM call 2 (gpt-4o) was not sent: *"])
