"""Raw loops: the functions that execute a model's calls are found by what they are given."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_agentperf.clock.bubble import bubble
from pytest_agentperf.model.exchange import Request
from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools.sources import stop_watching, watching
from record.tools.asking import asked, told

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is there from Python 3.12 on")


# -- the shapes that tools come in -------------------------------------------------------------------------------------


def work() -> str:
    time.sleep(0.05)
    return "result"


@dataclass
class Arguments:
    key: str


def plain(key):
    return work()


def model_param(request):
    return work()


def noargs():
    return work()


def coerced(n):
    return work()


class Execute:
    def execute(self, arguments):
        return work()


class Keywords:
    def run(self, key):
        return work()


class Action:
    def __call__(self, action):
        return work()


def gen(key):
    yield work()


def renamed(k):
    return work()


def factory(_):
    def inner(key):
        return work()

    return inner


def decorator(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@decorator
def decorated(key):
    return work()


def bash(command):
    return work()


async def coro(key):
    await asyncio.sleep(0.05)


lam = lambda key: work()  # noqa: E731
part = functools.partial(lambda extra, key: work(), 1)
closures = [factory(i) for i in range(3)]

HARD: dict[str, Callable[[dict[str, Any]], object]] = {
    "plain": lambda a: plain(**a),
    "model_param": lambda a: model_param(Arguments(**a)),
    "noargs": lambda a: noargs(),
    "coerced": lambda a: coerced(int(a["n"])),
    "cls_exec": lambda a: Execute().execute(a),
    "cls_kw": lambda a: Keywords().run(**a),
    "cls_obj": lambda a: Action()(Arguments(**a)),
    "gen": lambda a: list(gen(**a)),
    "lam": lambda a: lam(**a),
    "part": lambda a: part(**a),
    "renamed": lambda a: renamed(a["key"]),
    "closure": lambda a: closures[2](**a),
    "decorated": lambda a: decorated(**a),
    "bash": lambda a: bash(**a),
    "positional": lambda a: plain(a["key"]),
    "coro": lambda a: asyncio.run(coro(**a)),
    "builtin": lambda a: (json.dumps(a), time.sleep(0.05)),
}
"""The hard cases of the experiments: how a loop carries out a call of this name."""
ARGUMENTS = {"noargs": {}, "coerced": {"n": "3"}, "bash": {"command": "sleep 0.05"}}
KNOWN = {"builtin": "a function in C has no frame"}
"""What cannot be seen."""


@pytest.fixture
def recorder():
    """In virtual time, with all sources: a sleep of 50 ms is one, to the nanosecond."""
    with bubble(), Recorder(sees_tools=True) as recorder, watching(recorder):
        yield recorder
    assert recorder.bugs == []


@pytest.mark.parametrize("name", HARD)
def test_hard_cases(recorder, name):
    arguments = ARGUMENTS.get(name, {"key": f"value of {name}"})
    asked(recorder, ("c1", name, json.dumps(arguments)))
    HARD[name](json.loads(json.dumps(arguments)))
    spans = [(s.name, s.call_id, s.source, s.end_ns - s.start_ns) for s in recorder.recording().spans]
    assert spans == ([] if name in KNOWN else [(name, "c1", "detector", 50_000_000)])


def search(q, delay=0.1):
    time.sleep(delay)
    return q


async def fetch(q):
    await asyncio.sleep(0.2)


def spans_of(recorder):
    """Call, start and end in ms, whether CPU time is known."""
    return [
        (s.call_id, s.start_ns // 10**6, s.end_ns // 10**6, s.cpu_ns is not None)
        for s in recorder.recording().spans
        if s.kind is SpanKind.TOOL
    ]


def test_identical_calls_are_told_apart_in_their_order(recorder):
    asked(recorder, *((f"c{n}", "search", '{"q": "x"}') for n in range(3)))
    for _ in range(3):
        search(q="x")
    assert spans_of(recorder) == [("c0", 0, 100, True), ("c1", 100, 200, True), ("c2", 200, 300, True)]


def test_tools_asked_for_with_the_same_arguments_are_told_apart(recorder):
    def weather(city):
        return city

    def find_hotels(city):
        return city

    asked(recorder, ("c1", "hotels", '{"city": "Rome"}'), ("c2", "weather", '{"city": "Rome"}'))
    weather(city="Rome")
    find_hotels(city="Rome")
    assert [call_id for _, call_id, *_ in told(recorder)] == ["c2", "c1"]


def test_identical_calls_in_threads(recorder):
    asked(recorder, *((f"c{n}", "search", '{"q": "x"}') for n in range(3)))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(search, ["x"] * 3))
    assert spans_of(recorder) == [(f"c{n}", 0, 100, True) for n in range(3)]
    assert len({span.thread for span in recorder.recording().spans}) == 3


def test_tasks(recorder):
    asked(recorder, *((f"c{n}", "fetch", json.dumps({"q": n})) for n in range(3)))

    async def all_at_once():
        await asyncio.gather(*(fetch(n) for n in (2, 1, 0)))

    asyncio.run(all_at_once())
    assert spans_of(recorder) == [(f"c{n}", 0, 200, False) for n in (2, 1, 0)]
    assert len({span.task for span in recorder.recording().spans}) == 3


def test_async_tools_that_block_have_tasks_of_their_own_and_one_thread(recorder):
    asked(recorder, *((f"c{n}", "blocking", json.dumps({"q": n})) for n in range(3)))

    async def blocking(q):
        time.sleep(0.1)

    async def all_at_once():
        await asyncio.gather(*map(blocking, range(3)))

    asyncio.run(all_at_once())
    assert spans_of(recorder) == [("c0", 0, 100, False), ("c1", 100, 200, False), ("c2", 200, 300, False)]
    spans = recorder.recording().spans
    assert (len({span.task for span in spans}), len({span.thread for span in spans})) == (3, 1)


def test_a_call_within_its_own_wrapper_is_one_span(recorder):
    def dispatch(name, arguments):
        time.sleep(0.001)
        return TOOLS[name](**arguments)

    async def execute(name, arguments):
        return await asyncio.to_thread(dispatch, name, arguments)

    asked(recorder, ("c0", "search", '{"q": "x"}'), ("c1", "search", '{"q": "x"}'))
    for _ in range(2):
        asyncio.run(execute("search", {"q": "x"}))
    assert [(call, end - start) for call, start, end, _ in spans_of(recorder)] == [("c0", 100), ("c1", 100)]


TOOLS = {"search": search}


def test_a_wrapper_whose_context_is_lost_and_what_only_looks_like_a_tool_confuse_nobody(recorder):
    def describe(**arguments):
        return str(arguments)

    async def execute(name, arguments):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, functools.partial(TOOLS[name], **arguments))

    async def both():
        for _ in range(2):
            describe(q="x")
        for _ in range(2):
            await execute("search", {"q": "x"})

    asked(recorder, ("c0", "search", '{"q": "x"}'), ("c1", "search", '{"q": "x"}'))
    asyncio.run(both())
    assert [(call, start, end) for call, start, end, _ in spans_of(recorder)] == [("c0", 0, 100), ("c1", 100, 200)]


def test_recursion_and_errors(recorder):
    def count(n):
        if n == 0:
            raise KeyError("end")
        count(n - 1)

    asked(recorder, ("c0", "count", '{"n": 30}'))
    with pytest.raises(KeyError):
        count(30)
    assert told(recorder) == [("count", "c0", "detector", "exact", "KeyError")]


def test_what_has_not_ended_ends_with_the_test(recorder):
    asked(recorder, ("c0", "pages", '{"q": 1}'))

    def pages(q):
        yield 1

    kept = pages(1)
    next(kept)
    time.sleep(0.1)
    recorder.close()
    assert spans_of(recorder) == [("c0", 0, 100, False)]


def test_the_next_turn_is_seen_too_and_nothing_after_the_results_left(recorder):
    for turn in range(3):
        asked(recorder, (f"c{turn}", "search", f'{{"q": {turn}}}'), index=turn)
        search(turn)
        results = json.dumps({"messages": [{"role": "tool", "tool_call_id": f"c{turn}"}]})
        recorder.open_calls.leaving(Request(method="POST", url="http://x", body=results.encode()))
        search(turn)
    assert [(span.call, span.call_id) for span in recorder.recording().spans] == [(0, "c0"), (1, "c1"), (2, "c2")]


def test_a_seam_or_a_mark_by_hand_claims_its_call(recorder):
    asked(recorder, ("c0", "search", '{"q": "x"}'), ("c1", "search", '{"q": "x"}'))
    with recorder.tool("search", {"q": "x"}):
        time.sleep(0.01)
        search("x")
    search("x")
    assert [(span.source, span.call_id) for span in recorder.recording().spans] == [
        ("profiler", "c0"),
        ("detector", "c1"),
    ]


def test_llm_calls_and_timers_within_a_tool_are_inside_of_it(recorder):
    def research(topic):
        with recorder.span(SpanKind.TIMER, "inside"):
            pass

    asked(recorder, ("c0", "research", '{"topic": 1}'))
    research(1)
    with recorder.span(SpanKind.TIMER, "outside"):
        pass
    assert [(span.name, span.parent) for span in recorder.recording().spans] == [
        ("research", None),
        ("inside", 1),
        ("outside", None),
    ]


def test_the_place_in_sys_monitoring_is_free_afterwards():
    before = [sys.monitoring.get_tool(number) for number in range(6)]
    with Recorder(sees_tools=True) as recorder, watching(recorder):
        asked(recorder, ("c0", "search", '{"q": "x"}'))
        search("x", 0)
        assert "pytest-agentperf" in [sys.monitoring.get_tool(number) for number in range(6)]
    stop_watching()
    assert [sys.monitoring.get_tool(number) for number in range(6)] == before


def test_no_place_left_is_told():
    taken = [number for number in (3, 4) if sys.monitoring.get_tool(number) is None]
    for number in taken:
        sys.monitoring.use_tool_id(number, "somebody")
    try:
        with Recorder(sees_tools=True) as recorder, watching(recorder):
            asked(recorder, ("c0", "search", '{"q": "x"}'))
            search("x", 0)
        assert any("sys.monitoring" in note for note in recorder.recording().notes)
    finally:
        for number in taken:
            sys.monitoring.free_tool_id(number)


def test_threads_that_were_there_before(recorder):
    """A pool's workers, in real time outside of any bubble."""
    recorder.close()
    begin, done = threading.Event(), threading.Event()

    def worker():
        begin.wait()
        search("x", 0)
        done.set()

    thread = threading.Thread(target=worker)
    thread.start()
    with Recorder(sees_tools=True) as real, watching(real):
        asked(real, ("c0", "search", '{"q": "x"}'))
        begin.set()
        done.wait()
        thread.join()
        assert [call for call, *_ in spans_of(real)] == ["c0"]


def test_who_is_called_too_often_is_left_alone_until_a_model_asks_again(recorder):
    calls = []

    def count(n):
        calls.append(n)
        return count(n - 1) if n else time.sleep(0.1)

    def other(n):
        return n

    asked(recorder, ("c0", "count", '{"n": 300}'))
    for n in range(100):
        other(n)
    count(300)
    assert spans_of(recorder) == [("c0", 0, 100, True)]
    recorder.open_calls.leaving(Request(method="POST", url="http://x", body=b'"c0"'))
    asked(recorder, ("c1", "count", '{"n": 300}'), ("c2", "elsewhere", '{"n": 50}'), index=1)
    count(300)
    other(50)
    time.sleep(0.1)
    assert spans_of(recorder)[1:] == [("c1", 100, 200, True), ("c2", 200, 200, True)]


def test_a_function_of_before_is_seen_when_a_model_asks_for_it_at_last(recorder):
    def late(city):
        time.sleep(0.1)

    asked(recorder, ("c0", "search", '{"q": 1}'))
    late("Rome")
    asked(recorder, ("c1", "weather", '{"city": "Rome"}'), index=1)
    late("Rome")
    assert spans_of(recorder) == [("c1", 100, 200, True)]


def test_a_tool_that_is_tried_again_is_one_span(recorder):
    tries = []

    def flaky(q):
        tries.append(q)
        time.sleep(0.1)
        if len(tries) < 3:
            raise TimeoutError

    asked(recorder, ("c0", "flaky", '{"q": 1}'))
    while len(tries) < 3:
        try:
            flaky(1)
        except TimeoutError:
            time.sleep(1)
    (span,) = recorder.recording().spans
    assert (span.end_ns // 10**6, span.error) == (2300, None)


def test_a_recording_within_another_knows_nothing_of_its_spans(recorder):
    """Both number their calls from 0, so that the same identifier means two calls."""
    asked(recorder, ("c0", "search", '{"q": "x"}'))
    search("x")
    with Recorder(sees_tools=True) as inner, watching(inner):
        asked(inner, ("c0", "search", '{"q": "x"}'))
        search("x")
    search("x")
    assert (spans_of(inner), inner.bugs) == ([("c0", 0, 100, True)], [])
    assert spans_of(recorder) == [("c0", 0, 300, False)]


def test_a_thread_that_outlives_its_test_tells_the_next_one_nothing():
    begun, go_on = threading.Event(), threading.Event()

    def count(n):
        """It recurses, so that its end is looked for in its caller."""
        deepest = count(n - 1) if n else 0
        if n == 45:
            begun.set()
            go_on.wait()
        return deepest

    def straggler():
        count(50)
        search("x", 0)

    with Recorder(sees_tools=True) as first, watching(first):
        asked(first, ("c0", "count", '{"n": 50}'), ("c1", "search", '{"q": "x"}'))
        thread = threading.Thread(target=straggler)
        thread.start()
        begun.wait()
    with Recorder(sees_tools=True) as second, watching(second):
        go_on.set()
        thread.join()
        asked(second, ("c1", "search", '{"q": "x"}'))
        search("x", 0)
    stop_watching()
    assert (first.bugs, [call for call, *_ in spans_of(first)]) == ([], ["c0"])
    assert (second.bugs, [call for call, *_ in spans_of(second)]) == ([], ["c1"])


COVERED = """
import importlib, json, sys
import coverage
sys.path.insert(0, {folder!r})

from pytest_agentperf.model.call import ModelCall, ToolCall
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools.sources import stop_watching, watching

def run(watched):
    measured = coverage.Coverage(data_file=None, config_file={rc!r}, include=[{folder!r} + "/*"])
    measured.start()
    try:
        agent = importlib.import_module("covered_agent")
        with Recorder(sees_tools=True) as recorder:
            if watched:
                with watching(recorder):
                    turns(recorder, agent)
            else:
                turns(recorder, agent)
    finally:
        measured.stop()
    stop_watching()
    del sys.modules["covered_agent"]
    found = [span.source for span in recorder.recording().spans]
    assert found == (["detector"] * 6 if watched else []), found
    return sorted(measured.get_data().lines(agent.__file__))

def turns(recorder, agent):
    for turn in range(6):
        name, key = [("search", "q"), ("fetch", "url")][turn % 2]
        recorder.open_calls.answered(ModelCall(index=turn, provider="p", api="a", model="m", tool_calls=(
            ToolCall(id=str(turn), name=name, arguments=json.dumps({{key: turn}})),)))
        agent.run(name, {{key: turn}})

assert run(False) == run(True) == run(False), (run(False), run(True))
print("covered", len(run(True)))
"""
COVERED_AGENT = """
def search(q):
    if q > 3:
        return "late"
    return "early"

def fetch(url):
    if url == 5:
        return "last"
    return "other"

def never():
    return 1

def run(name, arguments):
    return globals()[name](**arguments)
"""


@pytest.mark.parametrize("core", ["sysmon", "ctrace"])
def test_coverage_reports_the_same_beside_it(tmp_path, core):
    pytest.importorskip("coverage")
    (tmp_path / "covered_agent.py").write_text(COVERED_AGENT)
    (tmp_path / "rc").write_text(f"[run]\ncore = {core}\n")
    script = tmp_path / "script.py"
    script.write_text(COVERED.format(folder=str(tmp_path), rc=str(tmp_path / "rc")))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("covered 11\n", "")


@dataclass(frozen=True)
class Batch:
    """Tools of one turn: which, how long each takes (ms), and how the agent runs them."""

    tools: tuple[tuple[int, int], ...]
    how: str


def run_batch(batch, log):
    """Carry the calls out as `how` says; each tool writes down when it ran."""

    def begin():
        return time.monotonic_ns()

    def end(number, start):
        log[number] = (start, time.monotonic_ns())

    def tool(number, value):
        start = begin()
        time.sleep(batch.tools[number][1] / 1000)
        end(number, start)

    async def tool_async(number, value):
        start = begin()
        await asyncio.sleep(batch.tools[number][1] / 1000)
        end(number, start)

    calls = [{"number": number, "value": value} for number, (value, _) in enumerate(batch.tools)]

    async def gathered(run):
        await asyncio.gather(*(run(**call) for call in calls))

    async def in_threads():
        await asyncio.gather(*(asyncio.to_thread(tool, **call) for call in calls))

    async def two_at_once():
        free = asyncio.Semaphore(2)

        async def limited(call):
            async with free:
                await tool_async(**call)

        await asyncio.gather(*map(limited, calls))

    async def blocking(number, value):
        tool(number, value)

    match batch.how:
        case "loop":
            for call in calls:
                tool(**call)
        case "pool":
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda call: tool(**call), calls))
        case "gather":
            asyncio.run(gathered(tool_async))
        case "gather of blocking":
            asyncio.run(gathered(blocking))
        case "to_thread":
            asyncio.run(in_threads())
        case "two at once":
            asyncio.run(two_at_once())


BATCHES = st.builds(
    Batch,
    tools=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 500)), min_size=1, max_size=6).map(tuple),
    how=st.sampled_from(["loop", "pool", "gather", "gather of blocking", "to_thread", "two at once"]),
)


@settings(max_examples=60)
@given(st.lists(BATCHES, min_size=1, max_size=3))
def test_whatever_an_agent_does_spans_are_the_tools_own_log_to_the_nanosecond(batches):
    with bubble(), Recorder(sees_tools=True) as recorder, watching(recorder):
        began_ns, logs = time.monotonic_ns(), []
        for turn, batch in enumerate(batches):
            calls = [
                (f"{turn}-{number}", "whatever", json.dumps({"number": number, "value": value}))
                for number, (value, _) in enumerate(batch.tools)
            ]
            asked(recorder, *calls, index=turn)
            logs.append({})
            run_batch(batch, logs[-1])
            results = json.dumps([call_id for call_id, *_ in calls])
            recorder.open_calls.leaving(Request(method="POST", url="http://x", body=results.encode()))
    assert recorder.bugs == []
    seen = {span.call_id: (span.start_ns, span.end_ns) for span in recorder.recording().spans}
    assert seen == {
        f"{turn}-{number}": (start - began_ns, end - began_ns)
        for turn, log in enumerate(logs)
        for number, (start, end) in log.items()
    }


@pytest.mark.parametrize("fault", ["executed", "shape", "Detector._ended", "Detector._wait_for_callers"])
def test_a_bug_of_ours_does_not_reach_the_agent(monkeypatch, fault):
    def broken(*_):
        raise RuntimeError("injected")

    def count(n):
        return count(n - 1) if n else "done"

    monkeypatch.setattr(f"pytest_agentperf.record.tools.detector.{fault}", broken)
    with Recorder(sees_tools=True) as recorder, watching(recorder):
        asked(recorder, ("c0", "count", '{"n": 50}'))
        assert count(50) == "done"
        with pytest.raises(KeyError):
            search(q=KeyError, delay={}["no"])
    assert recorder.bugs
    assert all("injected" in bug for bug in recorder.bugs)
