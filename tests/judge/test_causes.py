"""From numbers to causes: how many, which, and that their shares add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from generated import PRICES, Run, Turn, plan, profile, suite
from pytest_agentperf.judge.baselines import Baselines, Tree
from pytest_agentperf.judge.causes import causes as found_in
from pytest_agentperf.judge.causes import explain
from pytest_agentperf.judge.gate import priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.updating import update
from pytest_agentperf.model.change import Cause, Change, Verdict
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.miss import Miss
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import TestRun
from pytest_agentperf.model.span import SpanKind


def bare(seen: Profile) -> Profile:
    return priced(skeleton(seen), PRICES)


def explained(base: Profile, head: Profile) -> TestRun:
    return TestRun(profile=head, outcome="passed", steps=explain(bare(base), bare(head), PRICES))


def causes(before: list[Profile], after: list[Profile]) -> tuple[Cause, ...]:
    return found_in(explained(base, head) for base, head in zip(before, after, strict=True) if bare(base) != bare(head))


def judged(root: Path, seen: list[Profile]) -> list[TestRun]:
    """As a run does that finds these baselines."""
    store = Baselines(Tree(root), own_prices=PRICES)
    runs = []
    for test in seen:
        told = store.compare(test, {})
        outcome = "failed" if told.fails else "passed"
        known = {"changes": told.changes, "base": told.base, "steps": told.steps, "new": told.new}
        runs.append(TestRun(profile=test, outcome=outcome, **known))
    return runs


def change(base: Profile, head: Profile) -> dict[str, object]:
    old, new = bare(base), bare(head)
    values = {name: (metric.read(old).value, metric.read(new).value) for name, metric in METRICS.items()}
    return {name: now - was for name, (was, now) in values.items() if None not in (was, now) and was != now}


def total(test: TestRun) -> dict[str, object]:
    shares: Counter[str] = Counter()
    for step in test.steps:
        shares.update(step.amounts)
    return {name: amount for name, amount in shares.items() if amount}


def test_six_causes_in_a_thousand_tests_are_six_findings_whose_shares_add_up(tmp_path: Path) -> None:
    before, after, truth = suite(1000)
    written = [TestRun(profile=seen, outcome="passed", new=True) for seen in before]
    assert update(Baselines(Tree(tmp_path), own_prices=PRICES), tmp_path, written, {"new"}).new == 1000
    assert judged(tmp_path, before) == [TestRun(profile=seen, outcome="passed") for seen in before]

    runs = judged(tmp_path, after)
    found = found_in(runs)
    assert sorted(cause.kind for cause in found) == [
        *("cache-lost", "extra-turn", "model", "parallel-lost", "system-prompt", "tool-result")
    ]
    assert all(cause.gating for cause in found)
    for cause in found:
        assert set(cause.tests) == {
            run.profile.nodeid for run, kinds in zip(runs, truth, strict=True) if cause.kind in kinds
        }
    shares: Counter[str] = Counter()
    for cause in found:
        shares.update({share.metric: share.amount for share in cause.shares})
    whole: Counter[str] = Counter()
    for base, head, run in zip(before, after, runs, strict=True):
        changes = change(base, head)
        assert {one.metric: one.now - one.was for one in run.changes} == changes
        whole.update({name: amount for name, amount in changes.items() if METRICS[name].adds_up})
    assert {name: amount for name, amount in shares.items() if amount} == {
        name: amount for name, amount in whole.items() if amount
    }


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_shares_add_up_whatever_changed(one: int, other: int) -> None:
    base, head = profile("t.py::test", plan(one)), profile("t.py::test", plan(other))
    assert total(explained(base, head)) == change(base, head)


TURNS = [
    Turn("planner", "large", 4000, 800, 200, 100, cached=False),
    Turn("planner", "large", 4000, 800, 400, 60, cached=True),
]


def kinds(turns: list[Turn]) -> list[str]:
    return [cause.kind for cause in causes([profile("t.py::test", TURNS)], [profile("t.py::test", turns)])]


def test_one_cause_each() -> None:
    first, second = TURNS
    assert kinds([first]) == ["missing-turn"]
    assert kinds([replace(first, error="429", backoff_ms=900), first, second]) == ["retry"]
    assert kinds([replace(turn, tools=1200) for turn in TURNS]) == ["tool-schema"]
    assert kinds([first, replace(second, output=90)]) == ["output"]
    assert kinds([replace(first, slow=1.5), second]) == ["model-time"]
    assert kinds([replace(turn, model="tiny") for turn in TURNS]) == ["model"]
    assert kinds([first, replace(second, said=800)]) == ["context"]
    assert kinds([replace(first, take="b", output=180), replace(second, take="b", slow=2)]) == ["re-recorded"]


def test_a_few_bytes_of_json_go_with_what_changed() -> None:
    lost = profile("t.py::test", [TURNS[0], replace(TURNS[1], cached=False)])
    alone = profile("t.py::test", TURNS)

    def answered(seen: Profile, more: int) -> Profile:
        first, second = seen.calls
        return replace(seen, calls=(first, replace(second, response_size=second.response_size + more)))

    (cause,) = causes([alone], [answered(lost, -3)])
    assert cause.kind == "cache-lost"
    assert {share.metric: share.amount for share in cause.shares}["response_bytes"] == -3
    assert cause.sentence == (
        "what the prompt cache of planner serves shrank by 1,350 tokens (1 test, +$0.0036, -1,350 cached input tokens)"
    )
    assert [cause.kind for cause in causes([alone], [answered(lost, -300)])] == ["cache-lost", "other"]
    assert [cause.kind for cause in causes([alone], [answered(alone, -3)])] == ["other"]


def test_a_sentence_says_what_by_how_much_and_in_how_many_tests() -> None:
    before = [profile(f"t.py::test_{at}", TURNS) for at in range(3)]
    after = [profile(f"t.py::test_{at}", [replace(turn, system=4400) for turn in TURNS]) for at in range(3)]
    (cause,) = causes(before, after)

    assert cause.sentence == (
        "system prompt of planner grew by 100 tokens (3 tests, +$0.00099, +600 input tokens, +300 cached input tokens)"
    )
    assert cause.hits[0].calls == (0, 1)


def asking(agent: str, *tools: str, serial: bool = False) -> list[Turn]:
    runs = [Run(name, 300, 400) for name in tools]
    return [
        Turn(agent, "large", 4000, 800, 200, 100, cached=False, runs=runs, serial=serial),
        Turn(agent, "large", 4000, 800, 0, 60, cached=True),
    ]


def test_one_lost_gather_is_one_cause_whichever_agents_and_tools_it_hits() -> None:
    batches = [("planner", "fetch", "search"), ("planner", "fetch", "fetch"), ("coder", "read", "sql", "search")]
    before = [profile(f"t.py::test_{at}", asking(*batch)) for at, batch in enumerate(batches)]
    after = [profile(f"t.py::test_{at}", asking(*batch, serial=True)) for at, batch in enumerate(batches)]
    (cause,) = causes(before, after)
    assert (cause.kind, cause.key, len(cause.hits)) == ("parallel-lost", "parallel-lost", 3)
    assert cause.sentence == (
        "tools of coder, planner run one after the other, and no longer at once: read, search, sql and 1 more "
        "(3 tests, +1,200 ms latency)"
    )

    (cause,) = causes(after, before)
    assert (cause.kind, cause.key, cause.better) == ("parallel-won", "parallel-won", True)


def without_spans(seen: Profile) -> Profile:
    return replace(seen, spans=tuple(span for span in seen.spans if span.kind is not SpanKind.TOOL))


def test_one_slow_tool_that_nobody_saw_is_one_cause_whichever_others_are_asked_for() -> None:
    batches = [("slow",), ("slow", "fast"), ("slow", "other"), ("sql",)]

    def run(at: int, tools: tuple[str, ...], ms: int) -> Profile:
        turns = asking("planner", *tools)
        turns[0].runs[0].ms = ms
        return without_spans(profile(f"t.py::test_{at}", turns))

    before, after = ([run(at, tools, ms) for at, tools in enumerate(batches)] for ms in (300, 800))
    assert [(cause.key, len(cause.hits)) for cause in causes(before, after)] == [
        ("between-calls|slow", 3),
        ("between-calls|sql", 1),
    ]
    (cause,) = causes(before[1:2], after[1:2])
    assert cause.sentence.startswith("the time from asking for fast, slow to the next LLM call grew by 500 ms")


def test_the_sentence_is_of_the_sign_of_the_sum() -> None:
    """Most answers are a little faster, one is much slower."""
    turns = [replace(TURNS[0], agent=f"a{at}") for at in range(5)]
    slower = [replace(turn, slow=speed) for turn, speed in zip(turns, (0.99, 0.99, 0.99, 0.99, 1.5), strict=True)]
    (cause,) = causes([profile("t.py::test", turns)], [profile("t.py::test", slower)])
    amounts = {share.metric: share.amount for share in cause.shares}
    assert amounts["latency"] > 0
    assert cause.sentence.startswith("large answers slower by about ")
    assert not cause.better


def test_agents_are_named_only_if_all_have_a_name() -> None:
    before = [profile(f"t.py::test_{at}", TURNS) for at in range(2)]
    after = [profile(f"t.py::test_{at}", [replace(turn, system=4400) for turn in TURNS]) for at in range(2)]
    nameless = [
        replace(seen, spans=(), calls=tuple(replace(call, span=None) for call in seen.calls))
        for seen in (before[1], after[1])
    ]
    (cause,) = causes([before[0], nameless[0]], [after[0], nameless[1]])
    assert cause.sentence.startswith("system prompt grew by ")


def test_what_fails_a_test_that_is_expected_to_fail_gates_nothing() -> None:
    slower = explained(profile("t.py::test", TURNS), profile("t.py::test", [replace(turn, slow=3) for turn in TURNS]))
    worse = Change(metric="latency", was=1, now=2, limit=1, unit="ms", verdict=Verdict.REGRESSION)
    gating = [
        cause.gating
        for outcome in ("failed", "xfailed")
        for cause in found_in([replace(slower, outcome=outcome, changes=(worse,))])
    ]
    assert gating == [True, False]


def test_a_request_that_is_not_recorded_is_never_better() -> None:
    asked, nearest = (profile("t.py::test", [replace(TURNS[0], said=said)]).calls[0] for said in (40, 400))
    seen = replace(profile("t.py::test", []), misses=(Miss(asked=asked, nearest=nearest),))
    (cause,) = found_in([TestRun(profile=seen, outcome="failed")])
    assert {share.metric: share.amount for share in cause.shares}["input_tokens"] < 0
    assert cause.gating
    assert not cause.better
