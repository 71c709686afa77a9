"""Virtual time as a user meets it: a session whose cassette says how long each answer took."""

from __future__ import annotations

import json
import time

import pytest
import yaml
from vcr.config import VCR

from pytest_agentperf.clock import kernel

MS = 1_000_000


@pytest.fixture
def tape(session, provider):
    """Writes a cassette for `agent.ask(prompt)`: prompts and milliseconds; None: no timing."""

    def write(test="test_agents/test_agent", /, *, headers=None, model="gpt-4o", **answers):
        interactions = []
        for prompt, ms in answers.items():
            body = {
                "id": "c",
                "object": "chat.completion",
                "model": model,
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": prompt}}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
            text = json.dumps(body)
            response = {
                "status": {"code": 200, "message": "OK"},
                "headers": {"content-type": ["application/json"], **(headers or {})},
                "body": {"string": text},
            }
            if ms is not None:
                timing = {"version": 1, "headers": float(ms), "chunks": f"{float(ms)}+{len(text)}", "end": float(ms)}
                response["agentperf"] = {**timing, "ending": "complete"}
            asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
            url = f"{provider.url}/v1/chat/completions"
            request = {"method": "POST", "uri": url, "headers": {}, "body": json.dumps(asked)}
            interactions.append({"request": request, "response": response})
        path = session.path / "cassettes" / f"{test}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"interactions": interactions, "version": 1}), "utf-8")

    return write


def profiles(session):
    tests = json.loads((session.path / "run.json").read_text("utf-8"))["tests"]
    return {test["nodeid"].rpartition("::")[2]: test["profile"] for test in tests}


def test_what_took_real_time_is_named_and_stored(session, tape):
    tape(one=2_000)
    session.makepyfile(
        test_agents="""
        import agent, pytest, time

        @pytest.mark.vcr
        def test_agent(profiler):
            agent.ask("one")
            with profiler.real_io():
                time.sleep(0.02)
        """
    )
    result = session.runpytest("--agentperf-json=run.json")
    result.assert_outcomes(passed=1)
    [told] = profiles(session)["test_agent"]["unmodelled"]
    assert told == "real time was used: a thread waited for something real in test_agents.py:6 in test_agent"
    result.stdout.fnmatch_lines([f"note: {told}"])
    session.runpytest().stdout.fnmatch_lines([f"agentperf: {told}"])


def test_a_replay_that_waits_for_nothing_real_is_modelled_whole(session, tape):
    tape(one=2_000, two=3_000)
    session.makepyfile(
        test_agents="""
        import agent, pytest

        @pytest.mark.vcr
        @pytest.mark.max_latency(5_000)
        def test_agent():
            agent.ask("one")
            agent.ask("two")
        """
    )
    session.runpytest("--agentperf-json=run.json").assert_outcomes(passed=1)
    profile = profiles(session)["test_agent"]
    assert (profile["clock"], profile["latency_ns"], profile.get("unmodelled")) == ("virtual", 5_000 * MS, None)


TOOLS = """
import agent, asyncio, pytest, subprocess, sys

CHILD = [sys.executable, "-c", "import time; time.sleep(0.03)"]

@pytest.mark.vcr
@pytest.mark.max_latency(2_120)
def test_sync(profiler):
    agent.ask("one")
    with profiler.tool("db", modelled_ms=120):
        subprocess.run(CHILD, check=True)

@pytest.mark.vcr
@pytest.mark.max_latency(2_121)
async def test_async(profiler):
    @profiler.tool("db", modelled_ms=120.5)
    async def query():
        child = await asyncio.create_subprocess_exec(*CHILD)
        await child.wait()

    await agent.ask_async("one")
    await asyncio.gather(query(), query(), asyncio.to_thread(profiler.tool("file", modelled_ms=20)(subprocess.run), CHILD))
"""


def test_a_tool_with_a_stated_time(session, tape):
    for name in ("test_sync", "test_async"):
        tape(f"test_agents/{name}", one=2_000)
    session.makepyfile(test_agents=TOOLS)
    session.runpytest("--agentperf-json=run.json").assert_outcomes(passed=2)
    tests = profiles(session)
    assert [
        (tests[name]["latency_ns"] / MS, tests[name].get("unmodelled")) for name in ("test_sync", "test_async")
    ] == [
        (2_120, None),
        (2_120.5, None),
    ]
    spans = tests["test_async"]["spans"]
    assert sorted((span["name"], (span["end_ns"] - span["start_ns"]) / MS) for span in spans) == [
        ("db", 120.5),
        ("db", 120.5),
        ("file", 20),
    ]
    assert ["modelled_ms", "120.5"] in spans[0]["metadata"]


def test_outside_of_virtual_time_the_stated_time_is_a_label(session, tape):
    tape("test_agents/test_sync", one=2_000)
    session.makepyfile(test_agents=TOOLS.replace("2_120", "100_000"))
    session.runpytest("-k", "sync and not async", "--agentperf-pace=instant", "--agentperf-json=run.json")
    profile = profiles(session)["test_sync"]
    assert profile["clock"] == "instant"
    assert ["modelled_ms", "120"] in profile["spans"][0]["metadata"]


@pytest.mark.parametrize("bad", ["'fast'", "-1", "float('nan')", "True"])
def test_a_stated_time_that_is_none(session, bad):
    session.makepyfile(f"def test_agent(profiler): profiler.tool('db', modelled_ms={bad})")
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    shown = repr(eval(bad))
    result.stdout.fnmatch_lines(
        [f"*ValueError: profiler.tool('db', modelled_ms={shown}): expected milliseconds, 0 or more"]
    )


LIMITED = """
import agent, pytest

@pytest.mark.vcr
@pytest.mark.max_latency(1_000)
def test_agent():
    agent.ask("one")
    agent.ask("two")
"""


def with_ini(session, *lines):
    with (session.path / "tox.ini").open("a") as file:
        file.write("\n" + "\n".join(lines) + "\n")


def test_a_call_without_timing_makes_the_latency_unknown_and_tells_how_to_record_it(session, tape):
    tape(one=200, two=None)
    session.makepyfile(test_agents=LIMITED)
    result = session.runpytest("--agentperf-json=run.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "latency is unknown, so max_latency(1000) at test_agents.py:4 cannot be judged: 1 of 2 LLM calls came without "
            "timing: the cassette holds none and the provider stated none",
            "*pytest test_agents.py::test_agent --agentperf-record=all*",
        ]
    )
    assert [call.get("timing") for call in profiles(session)["test_agent"]["calls"]] == ["recorded", "unknown"]


def test_a_stated_latency_judges_and_is_labelled(session, tape):
    tape(one=None, two=None, headers={"openai-processing-ms": ["420"]})
    session.makepyfile(test_agents=LIMITED)
    result = session.runpytest("--agentperf-json=run.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*time as stated by the provider*"])
    profile = profiles(session)["test_agent"]
    assert (profile["latency_ns"], {call["timing"] for call in profile["calls"]}) == (840 * MS, {"stated"})


@pytest.mark.parametrize(("rule", "passed"), [("gpt-*: 200 + 10", True), ("gpt-*: 900 + 10", False)])
def test_a_default_latency_judges_and_is_labelled(session, tape, rule, passed):
    tape(one=200, two=None)
    session.makepyfile(test_agents=LIMITED)
    with_ini(session, f"agentperf_default_latency = {rule}", "    600")
    result = session.runpytest("--agentperf-json=run.json")
    result.assert_outcomes(passed=passed, failed=not passed)
    result.stdout.fnmatch_lines(["*time as modelled by agentperf_default_latency*"])
    profile = profiles(session)["test_agent"]
    assert profile["latency_ns"] == (200 + (400 if passed else 1_100)) * MS
    assert [call["timing"] for call in profile["calls"]] == ["recorded", "modelled"]


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        (
            "agentperf_default_latency = gpt-4o: soon",
            "agentperf_default_latency: expected `MODEL: MS + MS_PER_OUTPUT_TOKEN`, such as `gpt-4o*: 400 + 12`, "
            "got 'gpt-4o: soon'",
        ),
        (
            "agentperf_wall_clock = yesterday",
            "agentperf_wall_clock: expected now, recorded, or a date such as 2025-01-31 or 2025-01-31T12:00:00Z, "
            "got 'yesterday'",
        ),
    ],
)
def test_settings_that_cannot_be_read(session, ini, message):
    session.makepyfile("def test_it(): pass")
    with_ini(session, ini)
    result = session.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("recorded", "2025-03-01T10:00:02"),
        ("2024-02-29", "2024-02-29T00:00:02"),
        ("2024-02-29T12:00+02:00", "2024-02-29T10:00:02"),
    ],
)
def test_the_wall_clock_starts_where_it_is_told(session, tape, setting, shown):
    tape(one=2_000, headers={"Date": ["Sat, 01 Mar 2025 10:00:00 GMT"]})
    with_ini(session, f"agentperf_wall_clock = {setting}")
    session.makepyfile(
        test_agents=f"""
        import agent, datetime, pytest, time

        @pytest.mark.vcr
        def test_agent(profiler):
            agent.ask("one")
            assert datetime.datetime.fromtimestamp(time.time(), datetime.UTC).isoformat() == "{shown}+00:00"
        """
    )
    session.runpytest().assert_outcomes(passed=1)


def test_a_cassette_without_a_date_starts_now_and_says_so(session, tape):
    tape(one=2_000)
    with_ini(session, "agentperf_wall_clock = recorded")
    session.makepyfile(test_agents=LIMITED.replace('    agent.ask("two")\n', "").replace("1_000", "2_000"))
    result = session.runpytest()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["agentperf: agentperf_wall_clock: no cassette is open that states its date; *"])


# ---- who does not use it is not touched

PLAIN = """
import agent, pytest, random, time

@pytest.mark.vcr
def test_plain():
    random.seed(1)
    state = random.getstate()
    before = time.get_clock_info("monotonic"), time.monotonic()
    agent.ask("one")
    assert random.getstate() == state
    assert time.monotonic() < before[1] + 40
"""


def test_a_plain_cassette_test_has_the_real_time_and_random(session, tape):
    """Even beside one that is measured, whose patches let it pass."""
    tape("test_plain/test_plain", one=50_000)
    tape(one=3_000, two=1_000)
    session.makepyfile(test_plain=PLAIN, test_agents=LIMITED.replace("1_000", "4_000"))
    original = time.sleep
    session.runpytest("test_plain.py").assert_outcomes(passed=1)
    assert time.sleep is original
    session.runpytest().assert_outcomes(passed=2)
    assert time.sleep is original


@pytest.mark.parametrize(
    ("flags", "ini", "mark", "patched"),
    [
        ((), (), "", (False, False)),
        (("--agentperf",), (), "", (True, True)),
        ((), ("agentperf = true",), "", (True, True)),
        ((), (), "@pytest.mark.max_latency(1)", (False, True)),
        (("--agentperf-pace=instant",), (), "@pytest.mark.max_latency(1)", (False, False)),
    ],
    ids=["nobody asked", "flag", "ini", "marker", "other pace"],
)
def test_patches_come_where_somebody_asked_and_go_with_the_session(session, tape, flags, ini, mark, patched):
    """At the start where the project says so, else behind the collection."""
    tape(one=0)
    with_ini(session, *ini)
    session.makepyfile(
        test_agents=f"""
        import agent, pytest, time

        AT_IMPORT = time.sleep

        def is_patched(function):
            return function.__class__.__name__ == "function"

        {mark}
        @pytest.mark.vcr
        def test_agent(): agent.ask("one")

        def test_state():
            assert is_patched(time.sleep) == {patched[1]}
            assert is_patched(AT_IMPORT) == {patched[1]}  # replaced under each name that a module has for it
            import agent
            assert agent.PATCHED == {patched[0]}
        """
    )
    with (session.path / "agent.py").open("a") as file:
        file.write("\nimport time\nPATCHED = time.sleep.__class__.__name__ == 'function'\n")
    result = session.runpytest(*flags)
    assert "assert" not in result.stdout.str()
    assert time.sleep.__class__.__name__ == "builtin_function_or_method"


def test_a_lock_that_is_older_than_the_patches_is_named(session, tape):
    tape(one=1_000)
    session.makepyfile(
        test_agents="""
        import agent, pytest, threading, time

        OLDER = threading.Lock()

        @pytest.mark.vcr
        @pytest.mark.max_latency(60_000)
        def test_agent():
            def hold():
                with OLDER:
                    held.set()
                    time.sleep(0.3)

            held = threading.Event()
            thread = threading.Thread(target=hold)
            thread.start()
            held.wait()
            with OLDER:
                agent.ask("one")
            thread.join()
        """
    )
    result = session.runpytest("-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["agentperf: real time was used: a thread was blocked in test_agents.py:* in test_agent"]
    )


def test_whatever_happens_in_a_test_nothing_of_its_bubble_stays(session, tape):
    """A deadlock, a runaway, a child, a thread that is left behind; after each the next test is right."""
    session.makepyfile(
        test_agents="""
        import agent, os, pytest, threading, time

        pytestmark = [pytest.mark.vcr, pytest.mark.max_latency(60_000), pytest.mark.default_cassette("calls")]

        @pytest.fixture(autouse=True)
        def real():
            before = time.time()
            yield
            assert time.time() < before + 60
            from pytest_agentperf.clock import kernel
            assert kernel.active is None

        def test_1_right(): agent.ask("one")

        def test_2_deadlock():
            agent.ask("one")
            threading.Event().wait()

        def test_3_right(): agent.ask("one")

        def test_4_runaway():
            agent.ask("one")
            time.sleep(4_000)

        def test_5_right(): agent.ask("one")

        def test_6_fork_and_thread():
            agent.ask("one")
            threading.Thread(target=time.sleep, args=(1_000,), daemon=True).start()
            child = os.fork()
            if not child:
                time.sleep(0.001)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0

        def test_7_right(): agent.ask("one")
        """
    )
    tape("test_agents/calls", one=3_000)
    result = session.runpytest("-p", "no:randomly", "--agentperf-json=run.json")
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines(
        [
            "all threads wait and none of them can wake another:",
            "  MainThread waits at test_agents.py:* in test_2_deadlock",
            "virtual time ran past its limit of 3600 s",
        ]
    )
    latencies = {name: profile["latency_ns"] for name, profile in profiles(session).items()}
    assert {latencies[f"test_{n}_right"] for n in (1, 3, 5, 7)} == {3_000 * MS}


@pytest.mark.parametrize("end", ["KeyboardInterrupt", "pytest.exit('enough')"])
def test_who_interrupts_a_test_leaves_nothing_behind(session, tape, end):
    tape(one=3_000)
    session.makepyfile(
        test_agents=f"""
        import agent, pytest, time

        @pytest.mark.vcr
        @pytest.mark.max_latency(3_000)
        def test_agent():
            agent.ask("one")
            raise {end}
        """
    )
    session.runpytest(no_reraise_ctrlc=True)
    assert time.sleep.__class__.__name__ == "builtin_function_or_method"
    assert kernel.active is None
    assert VCR._use_cassette.__module__ == "vcr.config"


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_pytest_timeout_ends_a_real_hang(session, tape, method):
    pytest.importorskip("pytest_timeout")
    tape(one=3_000)
    session.makepyfile(
        test_agents="""
        import agent, pytest, time

        @pytest.mark.vcr
        @pytest.mark.max_latency(3_000)
        def test_agent(profiler):
            agent.ask("one")
            with profiler.real_io():
                time.sleep(60)
        """
    )
    result = session.runpytest_subprocess("-p", "timeout", "--timeout=1", f"--timeout-method={method}", timeout=40)
    assert "Timeout" in result.stdout.str() + result.stderr.str()
    assert result.duration < 40


def test_every_runner_of_async_tests(session, tape):
    """pytest-asyncio in each loop scope, beside a heartbeat that outlives the tests; anyio's plugin on both backends; unittest's."""
    session.makepyfile(
        test_agents="""
        import agent, anyio, asyncio, pytest, pytest_asyncio, unittest

        pytestmark = [pytest.mark.vcr, pytest.mark.default_cassette("calls"), pytest.mark.max_latency(3_000)]

        @pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
        async def heartbeat():
            async def beat():
                while True:
                    await asyncio.sleep(0.7)
            task = asyncio.create_task(beat())
            yield
            task.cancel()

        @pytest.mark.asyncio(loop_scope="function")
        async def test_function(): await agent.ask_async("one")

        @pytest.mark.asyncio(loop_scope="module")
        async def test_module(): await agent.ask_async("one")

        @pytest.mark.asyncio(loop_scope="module")
        async def test_module_again(): await agent.ask_async("one")

        @pytest.mark.asyncio(loop_scope="session")
        async def test_session(): await agent.ask_async("one")

        @pytest.mark.asyncio(loop_scope="class")
        class TestClass:
            async def test_class(self): await agent.ask_async("one")

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
        async def test_anyio(anyio_backend):
            with anyio.fail_after(4):
                await agent.ask_async("one")

        class Case(unittest.IsolatedAsyncioTestCase):
            async def test_case(self): await agent.ask_async("one")
        """
    )
    tape("test_agents/calls", one=3_000)
    result = session.runpytest("-o", "asyncio_mode=strict", "--agentperf-json=run.json")
    result.assert_outcomes(passed=8)
    tests = profiles(session)
    assert {name: (p["latency_ns"], p.get("unmodelled")) for name, p in tests.items()} == dict.fromkeys(
        tests, (3_000 * MS, None)
    )
