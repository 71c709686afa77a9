"""How a limit is written: what is accepted, and what the message says where it is not."""

from decimal import Decimal

import pytest

from pytest_agentperf.judge.checks import CHECKS, OWN_CHECKS, BadLimit, parse
from pytest_agentperf.model.metric import METRICS


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "expected"),
    [
        ("max_latency", (1000,), {}, [("latency", 1000)]),
        ("max_latency", (), {"ms": 0.5}, [("latency", 0.5)]),
        ("max_tokens", (10,), {"input": 7}, [("tokens", 10), ("input_tokens", 7)]),
        ("max_tokens", (), {"output": 3}, [("output_tokens", 3)]),
        ("max_cost", ("0.05",), {}, [("cost", Decimal("0.05"))]),
        ("max_cost", (0.05,), {}, [("cost", Decimal("0.05"))]),
        ("max_llm_calls", (0,), {}, [("llm_calls", 0)]),
        ("max_metric", ("queue_ms", 200), {}, [("queue_ms", 200)]),
        ("min_metric", ("hits",), {"x": -0.5}, [("hits", -0.5)]),
    ],
)
def test_accepted(name, args, kwargs, expected):
    assert [(parsed.metric, parsed.bound) for parsed in parse(name, args, kwargs)] == expected


def test_scope_and_tool():
    (parsed,) = parse("max_tool_calls", (2,), {"tool": "search", "within": "planner"})
    assert (parsed.tool, parsed.within) == ("search", "planner")


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "message"),
    [
        ("max_latency", ("fast",), {}, "expected a number of milliseconds, 0 or more, got 'fast'"),
        ("max_latency", (-1,), {}, "expected a number of milliseconds, 0 or more, got -1"),
        ("max_latency", (float("nan"),), {}, "expected a number of milliseconds, 0 or more, got nan"),
        ("max_latency", (True,), {}, "expected a number of milliseconds, 0 or more, got True"),
        ("max_latency", (), {}, "a value is missing; it is written max_latency(ms, *, within=None)"),
        ("max_latency", (1, 2), {}, "expected one value, got 2; it is written max_latency(ms, *, within=None)"),
        ("max_latency", (1,), {"ms": 2}, "'ms' is given twice"),
        ("max_latency", (1,), {"tool": "search"}, "unknown argument 'tool'"),
        ("max_cpu", (1,), {"within": "planner"}, "unknown argument 'within'; it is written max_cpu(ms)"),
        ("max_latency", (1,), {"within": ""}, "within must be the name of a timer, got ''"),
        ("max_tokens", (1.5,), {}, "expected a whole number, 0 or more, got 1.5"),
        (
            "max_tokens",
            (),
            {"inputs": 5},
            "it is written max_tokens(total=None, *, input=None, output=None, within=None)",
        ),
        (
            "max_cost",
            ("a lot",),
            {},
            "expected US dollars, 0 or more, as a number or as a text like \"0.05\", got 'a lot'",
        ),
        ("max_cost", ("inf",), {}, "got 'inf'"),
        ("max_tool_calls", (1,), {"tool": 5}, "tool must be the name of a tool, got 5"),
        ("max_metric", ("queue_ms",), {}, "it is written max_metric(name, x)"),
        ("max_metric", ("queue_ms", "many"), {}, "expected a number, got 'many'"),
        ("max_latency", (10**400,), {}, "expected a number of milliseconds"),
        ("max_cost", (10**5000,), {}, "expected US dollars"),
        ("max_metric", ("a", 10**400), {}, "expected a number"),
        ("max_metric", (7, 7), {}, "name must be the name of a metric, got 7"),
    ],
)
def test_refused(name, args, kwargs, message):
    with pytest.raises(BadLimit) as refusal:
        parse(name, args, kwargs)
    assert message in str(refusal.value)


def test_every_row_bounds_a_metric_that_exists():
    metrics = {parameter.metric for check in CHECKS.values() for parameter in check.parameters}
    assert metrics <= set(METRICS)
    assert not set(CHECKS) & set(OWN_CHECKS)
