"""The fixtures `profiler` and `token_budget`, and the helpers."""

from __future__ import annotations

import pytest

from server.provider import Answer, Tool


def test_live_numbers(session, provider):
    provider.script(
        Answer(tools=(Tool(name="search"),), input_tokens=50, output_tokens=5),
        Answer(text="x", input_tokens=60, output_tokens=7),
    )
    session.makepyfile(
        """
        import agent

        def test_live(profiler):
            assert (profiler.llm_calls, profiler.tokens, profiler.cost_usd) == (0, 0, 0)
            agent.ask("first")
            assert (profiler.llm_calls, profiler.tokens, profiler.tool_calls) == (1, 55, 1)
            agent.ask("second")
            assert (profiler.llm_calls, profiler.input_tokens, profiler.output_tokens) == (2, 110, 12)
            assert profiler.cost_usd > 0
            assert profiler.latency_ms >= profiler.ttft_ms >= 0
            assert profiler.turns == 1
        """
    )
    session.runpytest().assert_outcomes(passed=1)


def test_beside_a_failure_stands_what_they_saw(session):
    session.makepyfile(
        """
        import agent

        def test_fails(profiler, token_budget):
            token_budget(max_tokens=1000)
            agent.ask()
            assert agent is None
        """
    )
    session.runpytest().stdout.fnmatch_lines(
        [
            "profiler = <Profiler: LLM calls 1, 120 tokens, * ms>*token_budget = <token_budget(max_tokens=1000): 120 tokens used>"
        ]
    )


def test_timers_nest_by_task_and_by_thread(session):
    session.makepyfile(
        """
        import agent, asyncio
        from concurrent.futures import ThreadPoolExecutor

        async def branch(profiler, name):
            async with profiler.timer(name):
                await asyncio.sleep(0)
                await agent.ask_async(name)

        def calls(profiler):
            names = {span.id: span.name for span in profiler.profile().spans}
            return sorted(names[call.span] for call in profiler.profile().calls)

        async def test_tasks(profiler):
            await asyncio.gather(branch(profiler, "a"), branch(profiler, "b"))
            assert calls(profiler) == ["a", "b"]

        def test_pool(profiler):
            with profiler.timer("outer"), profiler.timer("inner"), ThreadPoolExecutor(2) as pool:
                list(pool.map(agent.ask, ["x", "y"]))
            assert calls(profiler) == ["inner", "inner"]

        def test_decorators(profiler):
            @profiler.tool("search")
            def search(): return agent.ask()

            @profiler.tool("pages")
            def pages(): yield agent.ask("page")

            @profiler.tool("stream")
            async def stream(): yield await agent.ask_async("stream")

            async def read(): return [item async for item in stream()]

            assert list(pages()) == ["Hello."] == asyncio.run(read())

            @profiler.timer("plan", model="small")
            async def plan(): return await agent.ask_async()

            search()
            asyncio.run(plan())
            assert calls(profiler) == ["pages", "plan", "search", "stream"]
            assert profiler.summary()["search"].count == 1
            assert profiler.critical_path()
            assert "plan" in profiler.waterfall(width=100)
        """
    )
    session.runpytest().assert_outcomes(passed=3)


def test_helpers_are_the_markers_checks(session):
    session.makepyfile(
        """
        import agent, pytest
        from pytest_agentperf import (LimitExceeded, assert_cost, assert_latency, assert_llm_calls, assert_metric,
                                      assert_tokens, assert_tool_calls, assert_ttft)

        def test_kept(profiler):
            agent.ask()
            profiler.metric("hits", 3)
            assert_latency(profiler, max_ms=60_000)
            assert_ttft(profiler, max_ms=60_000)
            assert_tokens(profiler, max_total=120, max_input=100, max_output=20)
            assert_cost(profiler, max_usd="1")
            assert_llm_calls(profiler, max_calls=1)
            assert_tool_calls(profiler, max_calls=0, tool="search")
            assert_metric(profiler, "hits", min_value=3, max_value=3)
            assert_tokens(profiler.profile(), max_total=120)

        def test_broken(profiler):
            agent.ask()
            with pytest.raises(LimitExceeded, match=r"^tokens: 120 is over max_tokens\\(total=100\\) by 20"):
                assert_tokens(profiler, max_total=100)
            with pytest.raises(LimitExceeded, match="cost: "):
                assert_cost(profiler, max_usd=0)

        def test_bad(profiler):
            with pytest.raises(ValueError, match="max_latency: expected a number of milliseconds"):
                assert_latency(profiler, max_ms="fast")

        def test_shown(profiler):
            agent.ask()
            assert_llm_calls(profiler, max_calls=0)
        """
    )
    result = session.runpytest()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.no_fnmatch_line("*asserts.py*")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ('profiler.metric("x", "many")', "expected a finite number, got 'many'"),
        ('profiler.metric("x", float("inf"))', "expected a finite number, got inf"),
        ('profiler.metric("x", 1, better="faster")', "better must be 'higher' or 'lower', got 'faster'"),
        ('profiler.metric("latency", 1)', "agentperf measures 'latency' itself; choose another name"),
        ("token_budget()", "token_budget: expected max_tokens, max_cost_usd or both"),
        ("token_budget(max_tokens=-1)", "token_budget: max_tokens: expected a whole number, 0 or more, got -1"),
        ('token_budget.set("p", max_cost_usd="x")', "token_budget.set: max_cost_usd: expected US dollars"),
        ('token_budget.check("planning")', "no such budget"),
    ],
)
def test_bad_input(session, statement, message):
    session.makepyfile(f"def test_bad(profiler, token_budget): {statement}")
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E*ValueError: *{message}*"])
