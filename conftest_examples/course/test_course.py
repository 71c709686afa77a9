"""How an agent is made quick, step by step: measure, set limits, and repair what the rules find.

Each test fails before the repair that it is about, and passes after.
"""

import after
import before
import pytest
from openai import AsyncOpenAI

TOPIC = "Latency, in three chapters."
ANSWERS = ["A cache helps who asks twice.", "More retries make it quicker."]
QUESTIONS = ["What is a token?", "What is p95?", "What is a token?"]
TIMERS = {
    "plan": "llm:planning",
    "chapters": "llm:writing",
    "preface": "llm:preface",
    "grade": "llm:grading",
    "reply": "llm:replying",
}
VARIANTS = [
    pytest.param(v, id=v.__name__, marks=pytest.mark.default_cassette(f"{v.__name__}.yaml")) for v in (before, after)
]

pytestmark = [pytest.mark.asyncio, pytest.mark.vcr]


@pytest.fixture(params=VARIANTS)
def agent(request, profiler, monkeypatch):
    """With a timer around each of its steps."""
    for function, name in TIMERS.items():
        monkeypatch.setattr(request.param, function, profiler.timer(name)(getattr(request.param, function)))
    return request.param


@pytest.fixture
def make(agent, profiler):
    async def make():
        async with AsyncOpenAI() as client:
            with profiler.timer("course"):
                titles = await agent.plan(client, TOPIC)
                await agent.chapters(client, titles)
                await agent.preface(client, titles)
            with profiler.timer("class"):
                assert await agent.grade(client, ANSWERS) == [True, False]
                assert len(await agent.reply(client, QUESTIONS)) == 3

    return make


@pytest.mark.max_latency(8_000)
async def test_chapters_in_parallel(make, profiler):
    await make()
    print(profiler.waterfall(), end="\n\n")
    print("critical path")
    for step in profiler.critical_path():
        print(f"  {step.name} {step.duration_ns // 1_000_000:,} ms")


@pytest.mark.max_latency(2_500, within="writing")
@pytest.mark.max_latency(6_600, within="course")
async def test_timers_have_parents(make, profiler):
    await make()
    spans = {span.id: span for span in profiler.profile().spans}
    parents = {span.name: spans[span.parent].name for span in spans.values() if span.parent is not None}
    assert parents["llm:writing"] == "course"
    assert parents["llm:grading"] == "class"
    assert profiler.summary()["llm:writing"].count == 1


async def test_budget_of_a_category(make, token_budget):
    token_budget(max_tokens=2_000)
    token_budget.set("grading", max_tokens=100)
    await make()
    token_budget.check("grading")


@pytest.mark.agentperf(fail_on="AP301")
async def test_answers_are_kept(make):
    await make()


@pytest.mark.agentperf(fail_on="AP304")
async def test_models_fit_their_task(make):
    await make()


@pytest.mark.agentperf(fail_on="AP306")
@pytest.mark.max_ttft(1_000, within="preface")
async def test_preface_is_streamed(make):
    await make()
