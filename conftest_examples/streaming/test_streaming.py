import json

import guide
import pytest
from openai import AsyncOpenAI

QUESTION = "Tell me: the capital of the country; the weather there; the product name"


@pytest.mark.vcr
@pytest.mark.asyncio
@pytest.mark.max_ttft(800)
@pytest.mark.max_llm_calls(3)
@pytest.mark.max_tool_calls(4)
@pytest.mark.max_tokens(1_500, input=1_300, output=200)
async def test_streams_the_answers():
    async with AsyncOpenAI() as client:
        pieces = [piece async for piece in guide.ask(client, QUESTION)]
    answers = {answer["label"]: answer["answer"] for answer in json.loads("".join(pieces))["answers"]}
    assert len(pieces) > 20
    assert answers["Product Name"] == "Pydantic AI"
