"""When the agent's tools run, as a user's test sees it."""

from __future__ import annotations

import sys

import pytest

from server.provider import Answer, Tool

pytest.importorskip("openai")  # once: pytester forgets what a session imported, but not what was there before
pytest.importorskip("anthropic")

TWO = Answer(tools=(Tool(name="search", arguments={"q": "a"}), Tool(name="search", arguments={"q": "b"})))
LOOP = '''
"""A raw loop over an SDK, with a tool marked by hand where `profiler` is given."""
import contextlib, json, openai

def search(q): return f"found {{q}}"

def run(profiler=None):
    with openai.OpenAI(base_url="{url}/v1", api_key="fake", max_retries=0) as client:
        return run_with(client, profiler)

def run_with(client, profiler):
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
    provider.script(TWO, Answer(text="done"))
    session.makepyfile(
        f"""
        import anthropic

        @anthropic.beta_tool
        def search(q: str) -> str:
            "Look it up."
            return q

        def test_it(profiler):
            messages = [{{"role": "user", "content": "go"}}]
            with anthropic.Anthropic(base_url="{provider.url}", api_key="fake", max_retries=0) as client:
                client.beta.messages.tool_runner(
                    model="claude-sonnet-5", max_tokens=99, tools=[search], messages=messages).until_done()
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


RAW = '''
"""Loops over two SDKs, as people write them: nothing here knows of this plugin."""
import asyncio, json, time
from concurrent.futures import ThreadPoolExecutor
import anthropic, openai

def search(q):
    time.sleep(0.3)
    return f"found {{q}}"

async def search_async(q):
    await asyncio.sleep(0.3)
    return f"found {{q}}"

def one(call): return search(**json.loads(call.function.arguments))

def serial(calls): return [one(call) for call in calls]

def pool(calls):
    with ThreadPoolExecutor() as threads:
        return list(threads.map(one, calls))

def chat(run):
    with openai.OpenAI(base_url="{url}/v1", api_key="fake", max_retries=0) as client:
        return chat_with(client, run)

def chat_with(client, run):
    messages = [{{"role": "user", "content": "go"}}]
    while True:
        message = client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message
        if not message.tool_calls: return message.content
        results = run(message.tool_calls)
        messages += [message, *({{"role": "tool", "tool_call_id": call.id, "content": result}}
                                for call, result in zip(message.tool_calls, results))]

def streamed():
    with openai.OpenAI(base_url="{url}/v1", api_key="fake", max_retries=0) as client:
        return streamed_with(client)

def streamed_with(client):
    """Leaves the stream where the calls are complete, and runs them while it is open."""
    messages = [{{"role": "user", "content": "go"}}]
    calls = {{}}
    stream = client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
    for chunk in stream:
        for part in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
            name, arguments, id = calls.get(part.index, ("", "", ""))
            calls[part.index] = (name or part.function.name, arguments + (part.function.arguments or ""), id or part.id)
        if chunk.choices and chunk.choices[0].finish_reason:
            break
    asked = [{{"id": id, "type": "function", "function": {{"name": name, "arguments": arguments}}}}
             for name, arguments, id in calls.values()]
    messages.append({{"role": "assistant", "tool_calls": asked}})
    for name, arguments, id in calls.values():
        messages.append({{"role": "tool", "tool_call_id": id, "content": search(**json.loads(arguments))}})
    return client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message.content

async def claude():
    async with anthropic.AsyncAnthropic(base_url="{url}", api_key="fake", max_retries=0) as client:
        return await claude_with(client)

async def claude_with(client):
    messages = [{{"role": "user", "content": "go"}}]
    while True:
        async with client.messages.stream(model="claude-sonnet-5", max_tokens=99, messages=messages) as stream:
            message = await stream.get_final_message()
        blocks = [block for block in message.content if block.type == "tool_use"]
        if not blocks: return message.content[0].text
        results = await asyncio.gather(*(search_async(**block.input) for block in blocks))
        messages += [{{"role": "assistant", "content": message.content}},
                     {{"role": "user", "content": [{{"type": "tool_result", "tool_use_id": block.id, "content": result}}
                                                   for block, result in zip(blocks, results)]}}]
'''
TESTS = """
import asyncio, pytest, raw

RUNS = {
    "serial": lambda: raw.chat(raw.serial),
    "pool": lambda: raw.chat(raw.pool),
    "streamed": raw.streamed,
    "claude": lambda: asyncio.run(raw.claude()),
}
AT_ONCE = {"pool", "claude"}

@pytest.mark.vcr
@pytest.mark.parametrize("how", RUNS)
def test_it(how, profiler):
    assert RUNS[how]() == "done"
    profile = profiler.profile()
    asking = profile.calls[0]
    assert [(s.name, s.source, s.call, s.confidence) for s in profile.spans] == [("search", "detector", 0, "exact")] * 2
    if how != "streamed":
        assert {s.call_id for s in profile.spans} == {call.id for call in asking.tool_calls}
    if profile.clock == "virtual":
        begin = profile.spans[0].start_ns
        assert [(s.start_ns - begin, s.end_ns - s.start_ns) for s in profile.spans] == [
            (0, 300_000_000), (0 if how in AT_ONCE else 300_000_000, 300_000_000)]
        tasks, threads = {s.task for s in profile.spans}, {s.thread for s in profile.spans}
        assert tasks == ({1, 2} if how == "claude" else {None})
        assert len(threads) == (2 if how == "pool" else 1)
        assert all((s.cpu_ns is None) == (how == "claude") for s in profile.spans)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="raw loops are watched from Python 3.12 on")
def test_raw_loops_are_watched_live_and_in_virtual_time(session, provider):
    session.makepyfile(TESTS, raw=RAW.format(url=provider.url))
    provider.script(*(TWO, Answer(text="done")) * 4)
    session.runpytest("--agentperf-record=all", "-p", "no:randomly").assert_outcomes(passed=4)
    result = session.runpytest("--agentperf", "-p", "no:randomly")
    result.assert_outcomes(passed=4)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="raw loops are watched from Python 3.12 on")
def test_a_lost_pool_is_why_a_raw_loop_got_slower(session, provider):
    """Baselines keep no tools that only the detector saw, but what it saw now explains the time that was added."""
    test = "import pytest, raw\n\n@pytest.mark.vcr\ndef test_it():\n    assert raw.chat(raw.pool) == 'done'\n"
    session.makepyfile(raw=RAW.format(url=provider.url), test_loop=test)
    provider.script(TWO, Answer(text="done"))
    session.runpytest("--agentperf-record=all").assert_outcomes(passed=1)
    session.runpytest("--agentperf-update=new,force").assert_outcomes(passed=1)
    session.makepyfile(test_loop=test.replace("raw.pool", "raw.serial"))
    result = session.runpytest("--agentperf")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*why: tools run one after the other, and no longer at once: search (+300 ms latency)"]
    )


READ = Tool(name="read", arguments={"q": "c"})
SLOW = """
import pytest, raw, time

def read(q):
    time.sleep(0.2)
    return "text"

raw.read = read
raw.one = lambda call: getattr(raw, call.function.name)(**raw.json.loads(call.function.arguments))

@pytest.mark.vcr
@pytest.mark.parametrize("tools", [1, 2, 3])
def test_it(tools): assert raw.chat(raw.pool) == "done"
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="raw loops are watched from Python 3.12 on")
def test_a_slower_tool_that_only_the_detector_saw_is_one_cause_whatever_runs_beside_it(session, provider):
    source = RAW.format(url=provider.url)
    session.makepyfile(raw=source, test_loop=SLOW)
    for tools in (TWO.tools[:1], (*TWO.tools[:1], READ), (*TWO.tools, READ)):
        provider.script(Answer(tools=tools), Answer(text="done"))
    session.runpytest("--agentperf-record=all", "-p", "no:randomly").assert_outcomes(passed=3)
    session.runpytest("--agentperf-update=new,force").assert_outcomes(passed=3)
    session.makepyfile(raw=source.replace("sleep(0.3)", "sleep(0.9)"))
    result = session.runpytest("--agentperf")
    result.assert_outcomes(failed=3)
    found = [line for line in result.stdout.lines if line.startswith(("! the", "- "))]
    assert found == [
        "! the wait for search, the last tool before the next LLM call, grew by 600 ms (3 tests, +1,800 ms latency)"
    ]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="raw loops are watched from Python 3.12 on")
def test_what_an_old_python_cannot_see_is_told_once(loop, provider):
    provider.script(TWO, Answer(text="done"))
    loop.makepyfile("import loop\ndef test_one(): loop.run()\ndef test_two(): loop.run()\n")
    result = loop.runpytest("--agentperf")
    result.assert_outcomes(passed=2)
    assert str(result.stdout).count("seen on Python 3.12 or later, or with profiler.tool") == 1
