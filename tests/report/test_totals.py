from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.metric import measured
from pytest_agentperf.model.profile import ClockKind
from pytest_agentperf.model.usage import Cost
from pytest_agentperf.report.totals import Total, time_source, totals
from samples import call, trip


def test_sums_say_how_many_tests_they_lack() -> None:
    unpriced = replace(trip(), calls=(call(0, 0, 100, cost=Cost(usd=None, source="none", note="no price")),))
    sums = totals([measured(trip()), measured(unpriced), measured(trip())])

    assert sums["cost"] == Total(value=Decimal("0.000768"), unknown=1, estimated=False)
    assert sums["llm_calls"] == Total(value=5, unknown=0, estimated=False)
    assert totals([measured(unpriced)])["cost"] == Total(value=None, unknown=1, estimated=False)
    assert totals([])["cost"] == Total(value=0, unknown=0, estimated=False)


def test_a_time_to_first_token_of_many_tests_is_nothing() -> None:
    assert "ttft" not in totals([measured(trip())])


def test_where_times_come_from() -> None:
    stated = replace(trip(), calls=(call(0, 0, 100, timing=Timing.STATED),))

    assert time_source(trip()) == "virtual"
    assert time_source(stated) == "stated"
    assert time_source(replace(stated, clock=ClockKind.INSTANT)) == "instant"
    assert time_source(replace(trip(), clock=ClockKind.REAL)) == "real"
