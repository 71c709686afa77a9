"""Six habits that make a coding agent slow: each is found before its repair, by the rule that its test fails on, and not after."""

import sys

import after
import before
import pytest

TASK = "The shop rounds prices wrongly: see cart.py, price.py and tax.py."
FILES = {
    "cart.py": "def total(prices):\n    return round(sum(prices))\n",
    "price.py": "def shown(price):\n    return round(price, 2)\n",
    "tax.py": "def tax(price):\n    return round(price * 0.19)\n",
}
HABITS = {
    "tools_one_by_one": "AP101",
    "files_in_the_loop": "AP201",
    "client_per_request": "AP202",
    "trajectory_dumped": "AP204",
    "settings_parsed": "AP205",
    "unused_tools": "AP307",
}
VARIANTS = [
    pytest.param(v, id=v.__name__, marks=pytest.mark.default_cassette(f"{v.__name__}.yaml")) for v in (before, after)
]

pytestmark = [pytest.mark.asyncio, pytest.mark.vcr]


@pytest.fixture(params=VARIANTS)
def agent(request, tmp_path, profiler, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    if sys.version_info < (3, 12):  # from then on the tools of such a loop are seen without a word
        for name, tool in request.param.TOOLS.items():
            monkeypatch.setitem(request.param.TOOLS, name, profiler.tool(name)(tool))
    return request.param.Agent(tmp_path, tmp_path / "trajectory.json")


@pytest.mark.parametrize(
    "habit", [pytest.param(habit, marks=pytest.mark.agentperf(fail_on=code)) for habit, code in HABITS.items()]
)
async def test_a_habit_is_found(agent, habit):
    await agent.repair(TASK)


@pytest.mark.agentperf(fail_on="AP")
@pytest.mark.max_latency(6_500)
async def test_repairs_in_time(agent):
    assert await agent.repair(TASK) == "All three round half up now, to cents."
    assert "ROUND_HALF_UP" in (agent.root / "price.py").read_text()
