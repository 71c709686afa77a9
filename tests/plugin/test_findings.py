"""What a user sees of findings: in the summary, as failures, and how they are silenced."""

from __future__ import annotations

import sys

import pytest

from pytest_agentperf.record.probes import audit
from server.provider import Answer, FakeProvider, Tool

SLOW = '''
import time
import httpx2
from agent import URL, body

def run(profiler, name):
    with profiler.tool(name):
        time.sleep(0.03)

def ask(profiler):
    """Two tools, one after another."""
    messages = [{"role": "user", "content": "hi"}]
    tools = [{"type": "function", "function": {"name": name}} for name in ("search", "fetch")]
    for _ in range(2):
        answer = httpx2.post(URL, json={"model": "gpt-4o", "messages": messages, "tools": tools}).json()
        message = answer["choices"][0]["message"]
        messages.append(message)
        for call in message.get("tool_calls") or ():
            run(profiler, call["function"]["name"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "found"})
'''
TESTS = """
import pytest
from slow import ask

def test_one(profiler): ask(profiler)
"""


@pytest.fixture
def slow(session: pytest.Pytester, provider: FakeProvider) -> pytest.Pytester:
    provider.reply = lambda hit: Answer(text="done") if len(hit.json["messages"]) > 1 else Answer(
        tools=(Tool(name="search", arguments={"q": "a"}), Tool(name="fetch", arguments={"url": "b"}))
    )  # fmt: skip
    session.makepyfile(slow=SLOW, test_slow=TESTS)
    return session


def test_the_summary_tells_each_once(slow: pytest.Pytester) -> None:
    slow.makepyfile(test_slow=TESTS + "\ndef test_two(profiler): ask(profiler)\n")

    result = slow.runpytest("--agentperf")

    result.assert_outcomes(passed=2)
    text = " ".join(result.stdout.str().split())
    assert text.count("AP101 sequential-tools: 2 tools of one turn ran one after another (search, fetch)") == 1
    assert "(2 tests, " in text
    assert "fix: run them at once" in text


@pytest.mark.parametrize(
    "given",
    [
        "--agentperf-fail-on=AP1",
        "--agentperf-fail-on=AP101,AP104",
        "--agentperf-fail-on=sequential-tools",
        "--agentperf-fail-on=ap101",
    ],
)
def test_a_rule_fails_tests_with_and_without_agentperf(slow: pytest.Pytester, given: str) -> None:
    result = slow.runpytest(given)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*AP101 sequential-tools is not allowed by agentperf_fail_on=*: 2 tools of one turn*",
        "*fix: run them at once*",
        "*more: pytest-agentperf explain AP101*",
    ])  # fmt: skip


def test_a_marker_decides_for_its_test(slow: pytest.Pytester) -> None:
    slow.makeini("[pytest]\nagentperf_fail_on = AP1\n")
    slow.makepyfile(test_slow="""
        import pytest
        from slow import ask

        @pytest.mark.agentperf(ignore="AP101")
        def test_ignored(profiler): ask(profiler)

        @pytest.mark.agentperf(fail_on=[])
        def test_told_only(profiler): ask(profiler)

        @pytest.mark.agentperf(fail_on="AP101")
        def test_failed(profiler): ask(profiler)

        @pytest.mark.no_sequential_tools(allow=["fetch"])
        @pytest.mark.agentperf(fail_on=())
        def test_allowed(profiler): ask(profiler)

        @pytest.mark.no_sequential_tools(min_loss_ms=10)
        @pytest.mark.agentperf(fail_on=())
        def test_limit(profiler): ask(profiler)
    """)  # fmt: skip

    result = slow.runpytest("--agentperf")

    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines_random([
        "*AP101 sequential-tools is not allowed by agentperf(fail_on='AP101') at test_slow.py:10:*",
        "*time lost to sequential tools: * ms is over no_sequential_tools(min_loss_ms=10) at test_slow.py:17 by *",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("fail_on='AP9'", "test_slow.py:4: @pytest.mark.agentperf: no rule 'AP9'; there are: AP101, "),
        ("ignore=3", 'expected codes of rules like "AP101,AP3", got 3'),
        ("'AP1'", "takes fail_on=, ignore= and gate= and nothing else"),
        ("failon='AP1'", "takes fail_on=, ignore= and gate= and nothing else"),
    ],
)
def test_markers_that_cannot_be_read(slow: pytest.Pytester, marker: str, told: str) -> None:
    slow.makepyfile(
        test_slow=f"import pytest\nfrom slow import ask\n\n@pytest.mark.agentperf({marker})\ndef test_one(profiler): ...\n"
    )

    result = slow.runpytest()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told in result.stderr.str()


def test_an_unknown_rule_in_the_ini_is_a_usage_error(slow: pytest.Pytester) -> None:
    result = slow.runpytest("--agentperf-fail-on=AP1,speed")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "agentperf_fail_on: no rule 'speed'" in result.stderr.str()


def test_thresholds(slow: pytest.Pytester) -> None:
    slow.makeini("[pytest]\nagentperf_thresholds = tool=10 calls=1\nagentperf_fail_on = AP404\n")

    result = slow.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*AP404 thresholds is not allowed*: tool search took * ms, which is over 10 ms",
        "*AP404 thresholds is not allowed*: 2 LLM calls are more than 1",
    ])  # fmt: skip
    slow.makeini("[pytest]\nagentperf_thresholds = fast\n")
    result = slow.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "agentperf_thresholds: expected llm=3000 tool=1000 calls=20 share=60, got 'fast'" in result.stderr.str()


@pytest.mark.parametrize(("given", "fails"), [("AP4", False), ("AP40", False), ("AP404", True), ("thresholds", True)])
def test_thresholds_that_nobody_set_are_hints_unless_their_rule_is_named(
    session: pytest.Pytester, given: str, fails: bool
) -> None:
    session.makepyfile("""
        import httpx2
        from agent import URL, body

        def test_one():
            for turn in range(21):
                httpx2.post(URL, json=body(f"question {turn}"))
    """)

    result = session.runpytest("--agentperf", f"--agentperf-fail-on={given}")

    result.assert_outcomes(failed=fails, passed=not fails)
    text = " ".join(result.stdout.str().split())
    assert "AP404 thresholds (a hint): 21 LLM calls are more than 20" in text
    assert ("AP404 thresholds is not allowed by" in text) == fails


@pytest.mark.parametrize(("given", "fails"), [("AP1", False), ("AP102", True), ("turns-in-a-row", True)])
def test_a_rule_of_hints_fails_tests_where_it_is_named(
    session: pytest.Pytester, provider: FakeProvider, given: str, fails: bool
) -> None:
    provider.reply = lambda hit: Answer(text="done") if len(hit.json["messages"]) > 4 else Answer(
        tools=(Tool(name="look", arguments={"at": "one" if len(hit.json["messages"]) == 1 else "other"}),)
    )  # fmt: skip
    session.makepyfile("""
        import httpx2
        from agent import URL

        def test_one():
            messages = [{"role": "user", "content": "hi"}]
            with httpx2.Client() as client:
                for _ in range(3):
                    asked = {"model": "gpt-4o", "messages": messages}
                    message = client.post(URL, json=asked).json()["choices"][0]["message"]
                    messages.append(message)
                    for call in message.get("tool_calls") or ():
                        messages.append({"role": "tool", "tool_call_id": call["id"], "content": "seen"})
    """)

    result = session.runpytest(f"--agentperf-fail-on={given}")

    result.assert_outcomes(failed=fails, passed=not fails)


@pytest.mark.parametrize(
    ("flags", "installed"),
    [
        ((), False),
        (("--agentperf-fail-on=AP1,AP301",), False),
        (("--agentperf-fail-on=AP205",), True),
        (("--agentperf-fail-on=AP2",), True),
        (("--agentperf",), True),
    ],
    ids=str,
)
def test_an_audit_hook_is_installed_where_somebody_asks_for_what_it_tells(
    slow: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], installed: bool
) -> None:
    hooks: list[object] = []
    monkeypatch.setattr(sys, "addaudithook", hooks.append)
    monkeypatch.setattr(audit, "_installed", False)
    slow.makepyfile(
        test_slow="""
        import asyncio, sys, tracemalloc
        from slow import ask

        def test_one(profiler):
            ask(profiler)
            assert not tracemalloc.is_tracing()
            assert sys.getprofile() is None
            with asyncio.Runner() as runner:
                assert not runner.get_loop().get_debug()
    """
    )

    result = slow.runpytest_inprocess(*flags)

    assert bool(hooks) == installed
    assert "1 failed" in result.stdout.str() or "1 passed" in result.stdout.str()
    assert "assert not tracemalloc" not in result.stdout.str()


@pytest.mark.parametrize("flags", [(), ("--agentperf",)], ids=str)
def test_costs_are_known_where_a_rule_needs_them(session: pytest.Pytester, flags: tuple[str, ...]) -> None:
    session.makeini("[pytest]\nagentperf_thresholds = share=60\nagentperf_fail_on = AP304\n")
    session.makepyfile("""
        import httpx2
        from agent import URL, body

        def test_one(profiler):
            with httpx2.Client() as client:
                for name, model in (("planning", "gpt-4o"), ("routing", "gpt-4o-mini")):
                    with profiler.timer(name):
                        client.post(URL, json=body(name) | {"model": model})
    """)

    result = session.runpytest(*flags)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*AP304 large-model is not allowed*: planning makes up 94% of the cost (*), which is over 60%"]
    )


def test_assert_no_findings(slow: pytest.Pytester) -> None:
    slow.makepyfile(test_slow="""
        import pytest
        from pytest_agentperf import LimitExceeded, assert_no_findings
        from slow import ask

        def test_one(profiler):
            ask(profiler)
            with pytest.raises(LimitExceeded, match="AP101 sequential-tools is not allowed by assert_no_findings"):
                assert_no_findings(profiler)
            assert_no_findings(profiler, "AP104")
            assert_no_findings(profiler, ignore=["sequential-tools"])
    """)  # fmt: skip

    slow.runpytest().assert_outcomes(passed=1)


def test_a_latency_limit_tells_what_was_lost_in_one_message(session: pytest.Pytester) -> None:
    """In virtual time: half a second for each of two answers, 300 ms for each of three tools."""
    session.makepyfile(test_slow="""
        import json, time
        import httpx2, pytest

        def answer(request):
            time.sleep(0.5)
            calls = [{"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": "{}"}}
                     for n, name in enumerate(("search", "fetch", "rank"))]
            asked = len(json.loads(request.content)["messages"]) == 1
            message = {"role": "assistant", "content": None, "tool_calls": calls} if asked else {"role": "assistant", "content": "Done."}
            return httpx2.Response(200, json={"object": "chat.completion", "model": "gpt-4o", "choices": [{"index": 0, "message": message}],
                                              "usage": {"prompt_tokens": 9, "completion_tokens": 9}})

        @pytest.mark.vcr
        @pytest.mark.max_latency(1500)
        def test_one(profiler):
            messages = [{"role": "user", "content": "hi"}]
            with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
                for _ in range(2):
                    body = {"model": "gpt-4o", "messages": messages}
                    message = client.post("https://api.openai.com/v1/chat/completions", json=body).json()["choices"][0]["message"]
                    messages.append(message)
                    for call in message.get("tool_calls") or ():
                        with profiler.tool(call["function"]["name"]):
                            time.sleep(0.3)
                        messages.append({"role": "tool", "tool_call_id": call["id"], "content": "ok"})
    """)  # fmt: skip

    result = session.runpytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*latency: 1,900 ms is over max_latency(1500) at test_slow.py:14 by 400 ms (27%)",
        "*AP101 sequential-tools: 3 tools of one turn ran one after another (search, fetch, rank): 900 ms, at once at best "
        "300 ms, so up to 600 ms lost; a loop, in one task; independent by protocol, shared state not checked",
        "*fix: run them at once: asyncio.gather, a thread pool, or the framework's own switch",
    ])  # fmt: skip
