"""AP101 to AP103 on profiles as values; what real programs make of them is in tests/scenarios."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_agentperf import LimitExceeded, assert_parallel_tools
from pytest_agentperf.analyze.rules.table import examined
from pytest_agentperf.judge.limits import Failure, check, read_limit
from pytest_agentperf.model.call import Message, ModelCall, Prompt, ToolCall, ToolResult
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.signal import Block, LockWait, Signals
from pytest_agentperf.model.span import Span, SpanKind
from samples import MS, call

USER = Message(role="user", digest="u", size=10)


def turn(*names: str, results: tuple[str | None, ...] | None = None, **arguments: str) -> tuple[ModelCall, ModelCall]:
    """A call that asks for these tools as `c0`, `c1`, ..., from 0 to 100 ms, and the one that carries their results."""
    asked = tuple(
        ToolCall(id=f"c{at}", name=name, arguments=arguments.get(f"c{at}", f'{{"n": {at}}}'))
        for at, name in enumerate(names)
    )
    answered = [tool.id for tool in asked] if results is None else results
    more = (USER, Message(role="assistant", digest="a", size=9))
    told = tuple(ToolResult(call_id=id_, digest="r", size=5) for id_ in answered)
    return (
        call(0, 0, 100, tool_calls=asked, prompt=Prompt(messages=(USER,), tools=tuple(names))),
        call(1, 5000, 5100, prompt=Prompt(messages=more, results=told)),
    )


def ran(at: int, start_ms: int, end_ms: int, *, task: int | None = None, thread: int = 1, **more: object) -> Span:
    values: dict[str, object] = {
        "kind": SpanKind.TOOL,
        "name": "search",
        "source": "seam",
        "call": 0,
        "call_id": f"c{at}",
        **more,
    }
    return Span(
        id=at + 1,
        parent=None,
        start_ns=start_ms * MS,
        end_ns=end_ms * MS,
        task=task,
        thread=thread,
        **values,
    )  # type: ignore[arg-type]


def seen(calls: tuple[ModelCall, ...], *spans: Span, signals: Signals | None = Signals(), **more: object) -> Profile:  # noqa: B008
    profile = Profile(
        nodeid="t", clock=ClockKind.VIRTUAL, latency_ns=5100 * MS, calls=calls, spans=spans, signals=signals, **more
    )  # type: ignore[arg-type]
    return examined(profile)


def only(profile: Profile, code: str) -> list[Finding]:
    return [found for found in profile.findings if found.code == code]


def test_a_loop() -> None:
    profile = seen(
        turn("search", "fetch", "search"), ran(0, 100, 400), ran(1, 400, 600, name="fetch"), ran(2, 600, 700)
    )

    (found,) = profile.findings
    assert (found.code, found.cause, found.lost_ms, found.tools, found.calls, found.spans, found.gating) == (
        "AP101", "loop", 300, ("search", "fetch"), (0,), (1, 2, 3), True,
    )  # fmt: skip
    assert found.message == (
        "3 tools of one turn ran one after another (search, fetch, search): 600 ms, at once at best 300 ms, so up to "
        "300 ms lost; a loop, in one task; independent by protocol, shared state not checked"
    )


THREE = turn("search", "search", "search")


@pytest.mark.parametrize(
    ("spans", "signals"),
    [
        ([ran(0, 100, 400, task=1), ran(1, 100, 400, task=2), ran(2, 100, 400, task=3)], Signals()),
        ([ran(0, 100, 400, thread=2), ran(1, 101, 401, thread=3), ran(2, 102, 402, thread=4)], None),
        # a limit of two: two at once, then one
        ([ran(0, 100, 400, task=1), ran(1, 100, 400, task=2), ran(2, 400, 700, task=3)], Signals()),
        # the others take next to nothing
        ([ran(0, 100, 400), ran(1, 400, 410), ran(2, 410, 415)], Signals()),
        ([ran(0, 100, 100), ran(1, 100, 100), ran(2, 100, 100)], Signals()),
        ([ran(0, 100, 400)], Signals()),
        ([], Signals()),
    ],
    ids=["tasks", "threads", "limit of two", "one long one", "no time", "one seen", "none seen"],
)
def test_what_is_not_sequential(spans: list[Span], signals: Signals | None) -> None:
    assert only(seen(THREE, *spans, signals=signals), "AP101") == []


def blocks(*stretches: tuple[int, int, int]) -> Signals:
    return Signals(blocks=tuple(Block(start_ns=a * MS, end_ns=b * MS, thread=1, task=task) for a, b, task in stretches))


def waits(*stretches: tuple[int, int, int]) -> Signals:
    return Signals(
        lock_waits=tuple(LockWait(start_ns=a * MS, end_ns=b * MS, thread=1, task=task) for a, b, task in stretches)
    )


IN_TASKS = [ran(0, 100, 400, task=1), ran(1, 400, 700, task=2), ran(2, 700, 1000, task=3)]
STAIRS = [ran(0, 100, 400, task=1), ran(1, 100, 700, task=2), ran(2, 100, 1000, task=3)]


@pytest.mark.parametrize(
    ("spans", "signals", "cause"),
    [
        (IN_TASKS, blocks((100, 400, 1), (400, 700, 2), (700, 1000, 3)), "blocking"),
        (IN_TASKS, None, "blocking"),
        (IN_TASKS, Signals(), "loop"),  # a task each (`asyncio.wait_for` of Python 3.11), awaited one by one
        (STAIRS, blocks((100, 400, 1), (400, 700, 2), (700, 1000, 3)), "blocking"),  # they begin before they block
        (STAIRS, waits((100, 400, 2), (100, 700, 3)), "limit"),
        (IN_TASKS, waits((100, 400, 2), (100, 700, 3)), "limit"),  # the lock is around the tool
        ([ran(0, 100, 400, cpu_ns=300 * MS), ran(1, 400, 700, thread=2, cpu_ns=300 * MS)], None, "loop"),
        (
            [ran(at, 100, 1000, thread=at + 2, cpu_ns=300 * MS) for at in range(3)],
            Signals(),
            "interpreter",
        ),
    ],
)
def test_causes(spans: list[Span], signals: Signals | None, cause: str) -> None:
    (found,) = only(seen(THREE, *spans, signals=signals), "AP101")

    assert (found.cause, found.lost_ms) == (cause, 600 if len(spans) == 3 else 300)


@pytest.mark.parametrize(("threads", "cause"), [((2, 3), ["limit"]), ((2, 2), ["limit"]), ((2, 3, 4, 5), [])])
def test_a_tool_that_was_handed_to_a_thread_waits_where_that_does(threads: tuple[int, ...], cause: list[str]) -> None:
    """Where several threads work for each tool, the others go on while one waits."""
    until = [400, 700]
    locks = Signals(
        lock_waits=tuple(
            LockWait(start_ns=100 * MS, end_ns=until[at % 2] * MS, thread=thread, call=0, call_id=f"c{1 + at % 2}")
            for at, thread in enumerate(threads)
        )
    )

    assert [found.cause for found in only(seen(THREE, *STAIRS, signals=locks), "AP101")] == cause


def test_some_alone_and_some_at_once() -> None:
    spans = [ran(0, 100, 400, task=1), ran(1, 400, 700, task=2), ran(2, 400, 700, task=3)]

    (found,) = only(seen(THREE, *spans), "AP101")

    assert (found.cause, found.lost_ms) == ("loop", 300)
    assert "partly one after another" in found.message


@pytest.mark.parametrize(
    ("names", "arguments", "gating"),
    [
        (("bash", "bash"), {}, False),
        (("write_file", "edit"), {"c0": '{"path": "notes.md"}', "c1": '{"file": "notes.md"}'}, False),
        (("write_file", "edit"), {"c0": '{"path": "notes.md"}', "c1": '{"file": "todo.md"}'}, True),
        (("read_file", "read_file"), {"c0": '{"path": "notes.md"}', "c1": '{"path": "notes.md"}'}, True),
        (("bash", "search"), {}, True),
    ],
)
def test_shared_state_makes_it_a_hint(names: tuple[str, ...], arguments: dict[str, str], gating: bool) -> None:
    profile = seen(turn(*names, **arguments), ran(0, 100, 400, name=names[0]), ran(1, 400, 700, name=names[1]))

    (found,) = only(profile, "AP101")

    assert found.gating is gating
    assert METRICS["sequential_loss"].read(profile).value == (300 if gating else 0)


def window(id_: int, index: int, start_ms: int, end_ms: int) -> Span:
    return ran(id_, start_ms, end_ms, kind=SpanKind.WINDOW, source="window", call=index, call_id=None)


def test_windows_alone_are_a_hint_where_the_same_tools_were_asked_for_alone() -> None:
    one = call(9, 0, 10, tool_calls=(ToolCall(id="x", name="search", arguments="{}"),))
    three, then = THREE
    spans = (window(0, 9, 10, 310), window(1, 0, 400, 1290))

    (found,) = only(seen((one, three, then), *spans), "AP101")

    assert (found.lost_ms, found.cause, found.gating) == (590, "", False)
    assert only(seen((one, three, then), spans[0], window(1, 0, 400, 710)), "AP101") == []
    assert only(seen((three, then), spans[1]), "AP101") == []


def test_an_instant_replay_shows_nothing() -> None:
    assert examined(replace(seen(THREE, *IN_TASKS), clock=ClockKind.INSTANT)).findings == ()


# -- limits ----------------------------------------------------------------------------------------------------------------

SLOW = seen(turn("search", "bash", "search"), ran(0, 100, 400), ran(1, 400, 700, name="bash"), ran(2, 700, 800))


def violations(profile: Profile, **kwargs: object) -> list[str]:
    return [
        f"{v.message}\n" + "\n".join(v.details) for v in check(profile, read_limit("no_sequential_tools", (), kwargs))
    ]


def test_no_sequential_tools() -> None:
    (told,) = violations(SLOW)

    assert told.splitlines()[0] == "time lost to sequential tools: 400 ms is over no_sequential_tools() by 400 ms"
    assert "AP101 sequential-tools: 3 tools of one turn ran one after another (search, bash, search)" in told
    assert "fix: run them at once" in told
    assert violations(SLOW, min_loss_ms=400) == []
    assert violations(SLOW, allow=["bash", "search"]) == []
    assert "100 ms is over" in violations(SLOW, allow=["bash"])[0]


def test_what_nobody_saw_is_not_passed() -> None:
    (told,) = violations(seen(THREE, window(1, 0, 100, 5000)))

    assert "cannot be judged: nobody saw the tools run" in told
    assert "profiler.tool" in told


def test_a_slow_test_is_told_what_it_lost() -> None:
    (broken,) = check(SLOW, read_limit("max_latency", (4000,), {}))

    assert broken.message == "latency: 5,100 ms is over max_latency(4000) by 1,100 ms (28%)"
    assert broken.details[0].startswith("AP101 sequential-tools: 3 tools")
    assert broken.details[1].startswith("  fix: run them at once")


def test_assert_parallel_tools() -> None:
    at_once = seen(THREE, *(ran(at, 100, 400, task=at) for at in range(3)))
    assert_parallel_tools(at_once)
    assert_parallel_tools(at_once, "search")
    assert_parallel_tools(SLOW, "search", min_loss_ms=500)
    with pytest.raises(Failure, match="search did not run at once\n  3 tools of one turn"):
        assert_parallel_tools(SLOW, "search")
    with pytest.raises(Failure, match=r"no turn asked for several calls of fetch, .* \(asked for: search\)"):
        assert_parallel_tools(at_once, "fetch")
    with pytest.raises(Failure, match="nobody saw search run in 1 of 1 turns"):
        assert_parallel_tools(seen(THREE), "search")
    assert issubclass(LimitExceeded, Failure)


# -- AP102 and AP103 -------------------------------------------------------------------------------------------------------


def test_tools_that_were_not_executed() -> None:
    (found,) = only(seen(turn("search", "fetch", "rank", results=("c0",))), "AP103")

    assert found.message == "the model asked for 3 tools and 1 was executed; not: fetch, rank"
    assert only(seen(turn("search", "fetch")), "AP103") == []
    assert only(seen(turn("search", "fetch", results=())), "AP103") == []


def test_executions_that_are_missing_though_results_are_there() -> None:
    calls = turn("search", "search", "other", c0='{"q": 1}', c1='{"q": 2}')
    twice = turn("search", "search", c0='{"q": 1}', c1='{"q": 1}')

    (found,) = only(seen(calls, ran(0, 100, 200)), "AP103")

    assert found.tools == ("search",)  # nobody knows whether `other` can be seen
    assert only(seen(twice, ran(0, 100, 200)), "AP103") == []


def chain(draws_on: tuple[int, ...], arguments: str = '{"q": 2}') -> Profile:
    messages = tuple(Message(role="user", digest=str(at), size=1) for at in range(5))
    first = ToolCall(id="a", name="orders", arguments='{"q": 1}')
    second = ToolCall(id="b", name="orders", arguments=arguments, draws_on=draws_on)
    result = ToolResult(call_id="a", digest="r", size=5)
    return seen(
        (
            call(0, 0, 100, tool_calls=(first,), prompt=Prompt(messages=messages[:1])),
            call(1, 200, 300, tool_calls=(second,), prompt=Prompt(messages=messages[:3], results=(result,))),
            call(2, 400, 500, prompt=Prompt(messages=messages, results=(result,))),
        )
    )


def test_turns_that_could_have_been_one() -> None:
    (found,) = chain(()).findings

    assert (found.code, found.calls, found.lost_ms, found.gating) == ("AP102", (0, 1), 100, False)
    assert chain((0,)).findings == ()
    assert chain((), arguments='{"q": 1}').findings == ()
