"""A program for each question, beside a call: the first is over its target, and AP203 and AP404 say why."""

import after
import before
import pytest

SIMPLE = {f"What is the state of job {job}?": f"Job {job} is done." for job in range(101, 106)}
COMPLEX = {f"Why was job {job} slow?": f"Job {job} waited for its transcoding." for job in range(201, 206)}

pytestmark = [pytest.mark.vcr, pytest.mark.agentperf(fail_on="AP203,AP404")]
OUT_OF_SIGHT = pytest.mark.max_llm_calls(0)
"""What a child asks is not seen here, so its time alone is judged."""


def questions(expected):
    return pytest.mark.parametrize("question", expected, ids=[answer.split()[1] for answer in expected.values()])


@pytest.fixture
def child(profiler, monkeypatch, address):
    """What the program takes in production, start and imports included; here the child is smaller."""

    def reply(question, ms):
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        with profiler.tool("trace_agent.py", modelled_ms=ms):
            return before.reply(question)

    return reply


@OUT_OF_SIGHT
@pytest.mark.max_latency(2_000)
@questions(SIMPLE)
def test_simple_in_a_child(child, question):
    assert child(question, 12_000) == SIMPLE[question]


@pytest.mark.max_latency(2_000)
@questions(SIMPLE)
def test_simple_called(question):
    assert after.reply(question) == SIMPLE[question]


@OUT_OF_SIGHT
@pytest.mark.max_latency(5_000)
@questions(COMPLEX)
def test_complex_in_a_child(child, question):
    assert child(question, 35_000) == COMPLEX[question]


@pytest.mark.max_latency(5_000)
@questions(COMPLEX)
def test_complex_called(question):
    assert after.reply(question) == COMPLEX[question]
