"""An agent's own loop: a lost `gather` costs 700 ms, which nobody notices in a review. The first test fails to show it."""

import sys

import pytest
import raw_agent
import trip

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.vcr,
    pytest.mark.default_cassette("raw.yaml"),
    pytest.mark.max_latency(2_000),
    pytest.mark.no_sequential_tools,
]


@pytest.fixture(autouse=True)
def seen(request, monkeypatch):
    """From Python 3.12 on the tools of such a loop are seen without a word."""
    if sys.version_info < (3, 12):
        profiler = request.getfixturevalue("profiler")
        for name, tool in trip.TOOLS.items():
            monkeypatch.setitem(trip.TOOLS, name, profiler.tool(name)(tool))


async def test_one_by_one():
    await raw_agent.ask(trip.QUESTION, raw_agent.one_by_one)


async def test_at_once():
    await raw_agent.ask(trip.QUESTION, raw_agent.at_once)
