"""Plugins that are loaded again and again: each test fails before the repair and passes after."""

import after
import before
import pytest

QUESTION = "Deal with ticket T-7."

pytestmark = [pytest.mark.asyncio, pytest.mark.vcr, pytest.mark.default_cassette("ticket.yaml")]


@pytest.fixture(params=[before, after], ids=["before", "after"])
def agent(request, profiler, monkeypatch):
    for name in ("intervention_check", "load_extensions"):
        if function := getattr(request.param, name, None):
            monkeypatch.setattr(request.param, name, profiler.timer(name)(function))
    return request.param.Agent()


@pytest.mark.agentperf(fail_on="AP401")
async def test_asks_for_a_person_once_a_step(agent):
    await agent.ask(QUESTION)


@pytest.mark.agentperf(fail_on="AP205")
async def test_reads_a_plugin_once(agent):
    await agent.ask(QUESTION)


@pytest.mark.min_metric("plugin_hit_rate", 0.9)
async def test_plugins_are_mostly_there(agent, profiler):
    await agent.ask(QUESTION)
    profiler.metric("plugin_hit_rate", round(agent.hit_rate, 3), better="higher")


@pytest.mark.agentperf(fail_on="AP")
@pytest.mark.max_latency(4_000)
async def test_answers_in_time(agent):
    assert await agent.ask(QUESTION) == "Invoice INV-89 is cancelled, and the customer knows."
