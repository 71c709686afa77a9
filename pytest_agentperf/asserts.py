"""The markers' checks as functions, for the middle of a test or for code without pytest.

Each takes the `profiler` fixture or a `Profile`, raises LimitExceeded (an AssertionError) with the same message as the
marker, and ValueError for a bound that cannot be one. An unknown value fails, with the reason why it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pytest_agentperf.judge.baseline_file import BadBaseline
from pytest_agentperf.judge.checks import BadLimit
from pytest_agentperf.judge.findings import Policy, broken, read_codes, told
from pytest_agentperf.judge.gate import BadThreshold, Regressed, read_thresholds
from pytest_agentperf.judge.limits import Failure, LimitExceeded, check, read_limit
from pytest_agentperf.judge.parallel import not_parallel
from pytest_agentperf.judge.regression import regression
from pytest_agentperf.model.limit import Limit
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.profiler import Profiler

Subject = Profiler | Profile


def assert_latency(profiler: Subject, *, max_ms: float, within: str | None = None) -> None:
    """At most `max_ms` milliseconds so far, or inside the timers called `within`."""
    _assert(profiler, "max_latency", ms=max_ms, within=within)


def assert_ttft(profiler: Subject, *, max_ms: float, within: str | None = None) -> None:
    """At most `max_ms` milliseconds to the first token, in every LLM call."""
    _assert(profiler, "max_ttft", ms=max_ms, within=within)


def assert_cpu(profiler: Subject, *, max_ms: float) -> None:
    """At most `max_ms` milliseconds of processor time so far, of the whole process."""
    _assert(profiler, "max_cpu", ms=max_ms)


def assert_tokens(
    profiler: Subject,
    *,
    max_total: int | None = None,
    max_input: int | None = None,
    max_output: int | None = None,
    within: str | None = None,
) -> None:
    """At most so many tokens: all, input (cache reads and writes too), output (reasoning too)."""
    _assert(profiler, "max_tokens", total=max_total, input=max_input, output=max_output, within=within)


def assert_cost(profiler: Subject, *, max_usd: float | str | Decimal, within: str | None = None) -> None:
    """At most `max_usd` US dollars."""
    _assert(profiler, "max_cost", usd=max_usd, within=within)


def assert_llm_calls(profiler: Subject, *, max_calls: int, within: str | None = None) -> None:
    """At most so many LLM calls, failed ones and retries too."""
    _assert(profiler, "max_llm_calls", n=max_calls, within=within)


def assert_tool_calls(profiler: Subject, *, max_calls: int, tool: str | None = None, within: str | None = None) -> None:
    """At most so many tool calls asked for by the model, of all tools or of one."""
    _assert(profiler, "max_tool_calls", n=max_calls, tool=tool, within=within)


def assert_parallel_tools(profiler: Subject, *tools: str, min_loss_ms: float = 0) -> None:
    """These tools (all, where none is named) ran at once wherever the model asked for several of them in one turn.

    Fails where they ran one after another and that cost more than `min_loss_ms`, and where there was no such turn: what
    was not seen is not proven. Unlike the marker it does not care for reasons that the tools may have.
    """
    __tracebackhide__ = True
    seen = profiler if isinstance(profiler, Profile) else profiler.profile(priced=False)
    if problem := not_parallel(seen, tools, min_loss_ms=min_loss_ms):
        raise Failure(problem)


def assert_no_findings(profiler: Subject, *codes: str, ignore: str | Sequence[str] = ()) -> None:
    """No rule found anything that it can prove, of these codes (`"AP101"`, `"AP3"`) or of any; hints do not count."""
    __tracebackhide__ = True
    policy = Policy(fail_on=read_codes(codes or ("AP",)), text="assert_no_findings")
    seen = profiler if isinstance(profiler, Profile) else profiler.profile(priced=True)
    if violations := broken(told(seen, read_codes(ignore)), policy):
        raise LimitExceeded(violations)


def assert_metric(
    profiler: Subject, name: str, *, max_value: float | None = None, min_value: float | None = None
) -> None:
    """`profiler.metric(name, ...)` was recorded and lies between the bounds."""
    if max_value is None and min_value is None:
        raise ValueError("assert_metric: expected max_value, min_value or both")
    if max_value is not None:
        _assert(profiler, "max_metric", name=name, x=max_value)
    if min_value is not None:
        _assert(profiler, "min_metric", name=name, x=min_value)


def assert_no_regression(
    profiler: Subject, baseline: Profile | None = None, *, gate: Mapping[str, object] | None = None
) -> None:
    """No number is worse than the baseline's by more than its threshold; raises Regressed (an AssertionError).

    `baseline`: None for the committed one beside the test's module; a test that has none passes, and so does one
    that this run may write. `gate`: thresholds, as in `@pytest.mark.agentperf(gate={"latency": "5%"})`.
    """
    __tracebackhide__ = True
    seen = profiler if isinstance(profiler, Profile) else profiler.profile()
    prices, committed = ({}, None) if isinstance(profiler, Profile) else (profiler.own_prices, profiler.baselines)
    try:
        thresholds = read_thresholds(gate or {})
    except BadThreshold as problem:
        raise ValueError(f"assert_no_regression: gate: {problem}") from None
    try:
        worse = regression(seen, baseline, thresholds, prices, committed)
    except BadBaseline as problem:
        raise Failure(str(problem)) from None
    if worse:
        raise Regressed(worse)


def _assert(profiler: Subject, check_name: str, /, **kwargs: object) -> None:
    __tracebackhide__ = True
    limits = _limits(check_name, {key: value for key, value in kwargs.items() if value is not None})
    priced = any(limit.metric == "cost" for limit in limits)
    seen = profiler if isinstance(profiler, Profile) else profiler.profile(priced=priced)
    if violations := check(seen, limits):
        raise LimitExceeded(violations)


def _limits(name: str, kwargs: dict[str, object]) -> tuple[Limit, ...]:
    try:
        return read_limit(name, (), kwargs)
    except BadLimit as problem:
        raise ValueError(f"{name}: {problem}") from None
