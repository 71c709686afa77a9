import agent
import provider
import pytest


@pytest.mark.vcr
@pytest.mark.max_ttft(1_000)
@pytest.mark.max_llm_calls(2)
def test_diagnoses_the_log(client):
    pieces = list(agent.diagnose(client))
    assert "".join(pieces).strip() == provider.ANSWER
    assert len(pieces) == len(provider.ANSWER.split())  # streamed: while it is recorded, and replayed
