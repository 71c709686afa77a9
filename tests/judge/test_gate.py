"""Which changes fail a test."""

from __future__ import annotations

from dataclasses import replace

from generated import PRICES, Turn, profile
from pytest_agentperf.judge.causes import causes, explain, luck
from pytest_agentperf.judge.gate import compare, priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.model.change import Cause, Change, Verdict
from pytest_agentperf.model.report import TestRun

TURNS = [
    Turn("planner", "large", 4000, 800, 200, 100, cached=False),
    Turn("planner", "large", 4000, 800, 400, 60, cached=True),
]


def changed(
    now: list[Turn], was: list[Turn] = TURNS, *, ratchet: bool = False
) -> tuple[dict[str, Change], tuple[Cause, ...]]:
    base, head = (priced(skeleton(profile("t.py::test", turns)), PRICES) for turns in (was, now))
    steps = explain(base, head, PRICES)
    found = compare(base, head, {}, ratchet=ratchet, luck=luck(steps))
    failed = any(change.verdict.fails for change in found)
    run = TestRun(profile=head, outcome="failed" if failed else "passed", changes=found, base=base, steps=steps)
    return {change.metric: change for change in found}, causes([run])


def test_a_turn_less_takes_its_cached_tokens_with_it() -> None:
    changes, (cause,) = changed(TURNS[:1])

    assert not [change for change in changes.values() if change.verdict.fails]
    assert changes["cache_read_tokens"].why == "the other input tokens are no more"
    assert changes["tokens"].verdict is Verdict.BETTER
    assert (cause.kind, cause.better, cause.gating) == ("missing-turn", True, False)


def test_one_more_turn_that_the_cache_serves_is_not_better_anywhere() -> None:
    changes, (cause,) = changed([*TURNS, replace(TURNS[1])])

    assert Verdict.BETTER not in {change.verdict for change in changes.values()}
    assert changes["cache_read_tokens"].why == "the other input tokens are no fewer"
    assert (cause.kind, cause.gating) == ("extra-turn", True)


def test_a_lost_cache_is_worse_and_a_found_one_better() -> None:
    cold = [replace(turn, cached=False) for turn in TURNS]
    lost, (cause,) = changed(cold)
    assert lost["cache_read_tokens"].verdict is Verdict.REGRESSION
    assert (cause.kind, cause.gating) == ("cache-lost", True)

    won, (cause,) = changed(TURNS, cold)
    assert won["cache_read_tokens"].verdict is Verdict.BETTER
    assert (cause.kind, cause.better) == ("cache-hit", True)


def test_an_agent_that_makes_no_call_any_more_is_no_worse() -> None:
    changes, _ = changed([])

    assert changes["ttft"].now is None
    assert not [change for change in changes.values() if change.verdict.fails]


def again(**other: object) -> list[Turn]:
    """Both answers as recorded another time."""
    return [replace(turn, take="b", **other) for turn in TURNS]  # type: ignore[arg-type]


def test_other_answers_to_the_same_requests_are_luck_whichever_way() -> None:
    for output, slow in ((400, 2.0), (20, 0.5)):
        changes, (cause,) = changed(again(output=output, slow=slow), ratchet=True)
        assert {change.verdict for change in changes.values() if change.verdict is not Verdict.WITHIN} <= {
            Verdict.NOT_JUDGED
        }
        assert (cause.kind, cause.gating) == ("re-recorded", False)


def test_longer_answers_to_a_changed_prompt_are_judged_and_only_their_speed_is_luck() -> None:
    changes, found = changed(again(system=4008, output=900, slow=1.5))
    assert changes["output_tokens"].verdict is Verdict.REGRESSION
    assert changes["latency"].verdict is Verdict.REGRESSION
    assert {cause.kind for cause in found} == {"system-prompt", "output", "recorded-anew"}

    changes, found = changed(again(system=4008, slow=1.5))
    assert not [change for change in changes.values() if change.verdict.fails]
    assert changes["latency"].verdict is Verdict.NOT_JUDGED
    assert changes["latency"].why.endswith("of it is the provider's luck with answers that were recorded again")
