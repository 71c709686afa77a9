import anthropic_agent
import pytest
from anthropic import AsyncAnthropic


@pytest.mark.vcr
@pytest.mark.asyncio
@pytest.mark.max_llm_calls(2)
@pytest.mark.max_tool_calls(4)
@pytest.mark.max_tokens(1_500, output=300)
async def test_asks_for_the_whole_family_at_once():
    async with AsyncAnthropic() as client:
        answer = await anthropic_agent.ask(client, "Alice, Bob, Charlie and Daisy are a family. Who is the youngest?")
    assert "Daisy is the youngest" in answer
