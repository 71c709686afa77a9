"""When the agent's tools run, as a user's test sees it."""

from __future__ import annotations

import pytest

from server.provider import Answer, Tool

TWO = Answer(tools=(Tool(name="search", arguments={"q": "a"}), Tool(name="search", arguments={"q": "b"})))
LOOP = '''
"""A raw loop over an SDK, with a tool marked by hand where `profiler` is given."""
import contextlib, json, openai

def search(q): return f"found {{q}}"

def run(profiler=None):
    client = openai.OpenAI(base_url="{url}/v1", api_key="fake", max_retries=0)
    messages = [{{"role": "user", "content": "go"}}]
    while True:
        message = client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in reversed(message.tool_calls):
            arguments = json.loads(call.function.arguments)
            with profiler.tool(call.function.name, **arguments) if profiler else contextlib.nullcontext():
                result = search(**arguments)
            messages.append({{"role": "tool", "tool_call_id": call.id, "content": result}})
'''


@pytest.fixture
def loop(session, provider):
    pytest.importorskip("openai")
    provider.script(TWO, Answer(text="done"))
    session.makepyfile(loop=LOOP.format(url=provider.url))
    return session


def test_a_tool_marked_by_hand_finds_its_call(loop):
    loop.makepyfile(
        """
        import loop

        def test_it(profiler):
            loop.run(profiler)
            profile = profiler.profile()
            first, second = (tool.id for tool in profile.calls[0].tool_calls)
            assert [(s.name, s.call, s.call_id, s.source, s.confidence) for s in profile.spans] == [
                ("search", 0, second, "profiler", "exact"), ("search", 0, first, "profiler", "exact")]
            assert [s.arguments_size for s in profile.spans] == [10, 10]
            assert all(s.result_size == len('"found a"') and s.cpu_ns >= 0 and s.task is None for s in profile.spans)
        """
    )
    loop.runpytest().assert_outcomes(passed=1)


def test_the_runner_of_anthropics_sdk_is_a_seam(session, provider):
    pytest.importorskip("anthropic")
    provider.script(TWO, Answer(text="done"))
    session.makepyfile(
        f"""
        import anthropic

        @anthropic.beta_tool
        def search(q: str) -> str:
            "Look it up."
            return q

        def test_it(profiler):
            client = anthropic.Anthropic(base_url="{provider.url}", api_key="fake", max_retries=0)
            messages = [{{"role": "user", "content": "go"}}]
            client.beta.messages.tool_runner(
                model="claude-sonnet-4-5", max_tokens=99, tools=[search], messages=messages).until_done()
            profile = profiler.profile()
            assert [(s.name, s.source, s.call, s.call_id) for s in profile.spans] == [
                ("search", "seam", 0, tool.id) for tool in profile.calls[0].tool_calls]
        """
    )
    session.runpytest().assert_outcomes(passed=1)


def test_tools_that_nobody_sees_have_a_window(loop):
    loop.makepyfile(
        """
        import loop

        def test_it(profiler):
            loop.run()
            (window,) = profiler.profile().spans
            assert (window.kind, window.name, window.source) == ("window", "search", "window")
            assert "tools search" in profiler.waterfall()
            assert profiler.critical_path()
        """
    )
    loop.makeini("[pytest]\nagentperf_tools = seams\n")
    loop.runpytest().assert_outcomes(passed=1)


def test_off_is_off(loop):
    loop.makepyfile(
        """
        import loop

        def test_it(profiler):
            loop.run()
            assert profiler.profile().spans == ()
        """
    )
    loop.makeini("[pytest]\nagentperf_tools = off\n")
    loop.runpytest().assert_outcomes(passed=1)
