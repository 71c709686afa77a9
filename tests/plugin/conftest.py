from __future__ import annotations

from importlib import import_module

import pytest

from server.provider import Answer, FakeProvider

for module in (
    "genai_prices",
    "httpcore2",
    "httpx2",
    "pytest_agentperf.asserts",
    "pytest_agentperf.run",
    "pytest_agentperf.record.cassette",
    "pytest_agentperf.report.json_file",
    "pytest_agentperf.report.terminal",
):
    # After a run in this process pytester forgets what it imported. What is loaded before stays, and these take long.
    import_module(module)

AGENT = '''
"""An agent of the test's session: asks the fake provider over httpx2, sync and async."""
import httpx2

URL = "{url}/v1/chat/completions"

def body(prompt, **extra):
    return {{"model": "gpt-4o", "messages": [{{"role": "user", "content": prompt}}], **extra}}

def ask(prompt="hi", **extra):
    answer = httpx2.post(URL, json=body(prompt, **extra))
    answer.raise_for_status()
    return answer.json()["choices"][0]["message"]["content"]

async def ask_async(prompt="hi", **extra):
    async with httpx2.AsyncClient() as client:
        answer = await client.post(URL, json=body(prompt, **extra))
        return answer.json()["choices"][0]["message"]["content"]

def loop(turns):
    """As many turns as asked for, each continuing the conversation."""
    messages = [{{"role": "user", "content": "hi"}}]
    for _ in range(turns):
        answer = httpx2.post(URL, json={{"model": "gpt-4o", "messages": messages}}).json()
        messages += [answer["choices"][0]["message"], {{"role": "user", "content": "more"}}]
'''


@pytest.fixture
def session(pytester: pytest.Pytester, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytest session of a user whose agent (module `agent`) talks to the fake provider: 100 tokens in, 20 out."""
    provider.reply = Answer(text="Hello.", input_tokens=100, output_tokens=20)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.syspath_prepend(str(pytester.path))
    pytester.makepyfile(agent=AGENT.format(url=provider.url))
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    return pytester
