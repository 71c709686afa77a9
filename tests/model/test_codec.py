from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.codec import from_json, to_json
from pytest_agentperf.model.exchange import Timing
from pytest_agentperf.model.limit import Limit, Violation
from pytest_agentperf.model.metric import Measure
from pytest_agentperf.model.profile import Gauge, Profile
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.model.span import Span
from pytest_agentperf.model.usage import Cost, Usage

FINITE = {
    float: st.floats(allow_nan=False),
    Decimal: st.decimals(allow_nan=False),
}
for kind, strategy in FINITE.items():
    st.register_type_strategy(kind, strategy)


@pytest.mark.parametrize(
    "cls", [Usage, Cost, Span, Gauge, ModelCall, Measure, Limit, Violation, Profile, TestRun, Report]
)
@settings(max_examples=20, suppress_health_check=list(HealthCheck))  # the larger ones hold hundreds of values
@given(data=st.data())
def test_every_noun_survives_json(cls: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(cls))

    assert from_json(cls, json.loads(json.dumps(to_json(value), allow_nan=False))) == value


COUNTS = st.none() | st.integers(0, 10**9)
USAGES = st.builds(
    Usage,
    input=COUNTS,
    output=COUNTS,
    cache_read=COUNTS,
    cache_write=COUNTS,
    cache_write_1h=COUNTS,
    reasoning=COUNTS,
    audio_input=COUNTS,
    audio_output=COUNTS,
    estimated=st.booleans(),
)


@settings(deadline=None)
@given(a=USAGES, b=USAGES, c=USAGES)
def test_usage_adds_up_in_any_grouping_and_order(a: Usage, b: Usage, c: Usage) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


def test_a_missing_field_takes_its_default_and_kinds_come_back() -> None:
    call = from_json(ModelCall, {"index": 0, "provider": "x", "api": "y", "model": "m", "timing": "stated"})

    assert call.timing is Timing.STATED
    assert call.tool_calls == ()


@pytest.mark.parametrize(
    ("cls", "data", "problem"),
    [
        (Profile, [], r"Profile: expected an object, got \[\]"),
        (Profile, {"nodeid": "t", "colour": 1}, "Profile: unknown field 'colour'"),
        (Profile, {}, "nodeid"),
        (Profile, {"nodeid": 5}, "expected str, got 5"),
        (Profile, {"nodeid": "t", "calls": {}}, r"expected an array, got {}"),
        (Profile, {"nodeid": "t", "calls": [3]}, "ModelCall: expected an object, got 3"),
        (Profile, {"nodeid": "t", "clock": "sundial"}, "'sundial' is not a valid ClockKind"),
        (Profile, {"nodeid": "t", "latency_ns": True}, "expected int, got True"),
        (Gauge, {"name": "g", "value": "fast"}, "could not convert string to float"),
        (Gauge, {"name": "g", "value": 1, "better": "sideways"}, "expected one of .* got 'sideways'"),
        (Cost, {"usd": "cheap", "source": "table"}, "expected a decimal number, got 'cheap'"),
        (Cost, {"usd": 0.1, "source": "table"}, "expected one of Decimal, NoneType, got 0.1"),
        (Measure, {"value": [1]}, r"expected one of int, float, Decimal, NoneType, got \[1\]"),
    ],
)
def test_data_that_do_not_fit_are_told(cls: type, data: object, problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        from_json(cls, data)


def test_what_json_cannot_hold_is_an_error_of_ours() -> None:
    with pytest.raises(TypeError, match="no JSON for a complex"):
        to_json((1j,))
