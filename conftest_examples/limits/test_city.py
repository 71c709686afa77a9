"""One recorded conversation, limited in every way there is."""

import city_agent
import pytest
from openai import AsyncOpenAI

from pytest_agentperf import assert_latency, assert_tokens, assert_tool_calls

pytestmark = [pytest.mark.vcr, pytest.mark.asyncio, pytest.mark.default_cassette("berlin.yaml")]

QUESTION = "What's the weather in Berlin (52.5200, 13.4050) and what's the best language to learn?"


@pytest.mark.max_latency(8_000)
@pytest.mark.max_ttft(4_000)
@pytest.mark.max_tokens(1_300, input=600, output=700)
@pytest.mark.max_cost("0.001")
@pytest.mark.max_llm_calls(2)
@pytest.mark.max_tool_calls(1, tool="weather")
async def test_markers():
    async with AsyncOpenAI() as client:
        assert "15°C" in await city_agent.ask(client, QUESTION)


@pytest.mark.max_latency(8_000, within="answering")
async def test_timers(profiler):
    async with AsyncOpenAI() as client:
        with profiler.timer("llm:answering", customer="Berlin"):
            answer = await city_agent.ask(client, QUESTION)
        with profiler.timer("checking"):
            profiler.metric("sources", 2, better="higher")

    assert "Ruby" in answer
    assert profiler.llm_calls == 2
    assert profiler.reasoning_tokens == 448
    assert profiler.summary()["llm:answering"].count == 1


async def test_tools_and_helpers(profiler, monkeypatch):
    for name, tool in city_agent.TOOLS.items():
        monkeypatch.setitem(city_agent.TOOLS, name, profiler.tool(name)(tool))
    async with AsyncOpenAI() as client:
        await city_agent.ask(client, QUESTION)

    print(profiler.waterfall())
    assert_latency(profiler, max_ms=8_000)
    assert_tokens(profiler, max_total=1_300)
    assert_tool_calls(profiler, max_calls=2)
    assert [step.name for step in profiler.critical_path()] == [
        "gpt-5-nano-2025-08-07",
        "weather",
        "gpt-5-nano-2025-08-07",
    ]


async def test_budgets(profiler, token_budget):
    token_budget(max_tokens=2_000, max_cost_usd="0.01")
    token_budget.set("answering", max_tokens=1_500)
    async with AsyncOpenAI() as client:
        with profiler.timer("llm:answering"):
            await city_agent.ask(client, QUESTION)

    token_budget.check("answering")
    assert token_budget.used == 1_207
    assert token_budget.remaining == 793
