"""What users build on: names, signatures, fields, options, markers, fixtures. A change must be visible in a review.

After a change that is meant: `pytest tests/test_public_api.py --inline-snapshot=fix`, and a line in CHANGELOG.md.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator

from inline_snapshot import snapshot

import pytest_agentperf
from pytest_agentperf import plugin
from pytest_agentperf.judge.checks import CHECKS, OWN_CHECKS
from pytest_agentperf.options import OPTIONS


def describe(name: str) -> Iterator[str]:
    thing = getattr(pytest_agentperf, name)
    if not inspect.isclass(thing):
        yield f"{name}{signature(thing)}"
        return
    bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
    yield f"class {name}({bases})"
    if dataclasses.is_dataclass(thing):
        yield from (f"    {field.name}: {field.type}" for field in dataclasses.fields(thing) if field.name[0] != "_")
    for key, member in sorted(vars(thing).items()):
        if key.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"    {key} -> {member.fget.__annotations__['return']}"
        elif inspect.isfunction(member):
            yield f"    {key}{signature(member)}"


def signature(function) -> str:
    """As its author wrote it, without `self`."""
    found = inspect.signature(function)
    parameters = [p.replace(annotation=Verbatim(p.annotation)) for p in found.parameters.values() if p.name != "self"]
    return str(found.replace(parameters=parameters, return_annotation=Verbatim(found.return_annotation)))


class Verbatim(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def test_names():
    text = "\n".join(line for name in pytest_agentperf.__all__ for line in describe(name))
    assert text == snapshot("""\
class BudgetExceeded(Stop)
class LimitExceeded(Failure)
class Profile()
    nodeid: str
    clock: ClockKind
    latency_ns: int
    cpu_ns: int
    peak_memory: int | None
    calls: tuple[ModelCall, ...]
    spans: tuple[Span, ...]
    signals: Signals | None
    findings: tuple[Finding, ...]
    misses: tuple[Miss, ...]
    gauges: tuple[Gauge, ...]
    thresholds: Thresholds
    estimates_judge: bool
    unmodelled: tuple[str, ...]
    cassettes: tuple[CassetteUse, ...]
    notes: tuple[str, ...]
class Profiler()
    baselines -> Committed | None
    cached_tokens -> int | None
    cost_usd -> Decimal | None
    critical_path() -> tuple[Step, ...]
    input_tokens -> int | None
    latency_ms -> int | None
    llm_calls -> int
    metric(name: str, value: float, unit: str = '', better: Literal['higher', 'lower'] = 'lower') -> None
    output_tokens -> int | None
    own_prices -> Mapping[str, OwnPrice]
    profile(*, priced: bool = True) -> Profile
    real_io() -> AbstractContextManager[None]
    reasoning_tokens -> int | None
    shares() -> Shares
    summary() -> dict[str, CategoryStats]
    timeline() -> Timeline
    timer(name: str, **metadata: object) -> Scope
    tokens -> int | None
    tool(name: str, *, call_id: str | None = None, modelled_ms: float | None = None, **metadata: object) -> Scope
    tool_calls -> int
    ttft_ms -> int | None
    turns -> int
    waterfall(*, width: int = 80, color: bool = False) -> str
class TokenBudget()
    check(category: str | None = None) -> None
    counts_money -> bool
    gate(reading: Reading) -> None
    limits -> tuple[Limit, ...]
    remaining -> int | None
    remaining_usd -> Decimal | None
    set(category: str, *, max_tokens: int | None = None, max_cost_usd: str | float | Decimal | None = None) -> TokenBudget
    used -> int
    used_usd -> Decimal
assert_cost(profiler: Subject, *, max_usd: float | str | Decimal, within: str | None = None) -> None
assert_cpu(profiler: Subject, *, max_ms: float) -> None
assert_latency(profiler: Subject, *, max_ms: float, within: str | None = None) -> None
assert_llm_calls(profiler: Subject, *, max_calls: int, within: str | None = None) -> None
assert_metric(profiler: Subject, name: str, *, max_value: float | None = None, min_value: float | None = None) -> None
assert_no_findings(profiler: Subject, *codes: str, ignore: str | Sequence[str] = ()) -> None
assert_no_regression(profiler: Subject, baseline: Profile | None = None, *, gate: Mapping[str, object] | None = None) -> None
assert_parallel_tools(profiler: Subject, *tools: str, min_loss_ms: float = 0) -> None
assert_tokens(profiler: Subject, *, max_total: int | None = None, max_input: int | None = None, max_output: int | None = None, within: str | None = None) -> None
assert_tool_calls(profiler: Subject, *, max_calls: int, tool: str | None = None, within: str | None = None) -> None
assert_ttft(profiler: Subject, *, max_ms: float, within: str | None = None) -> None\
""")


def test_options():
    described = [(option.flag, option.key, option.default, option.choices) for option in OPTIONS]
    assert described == snapshot(
        [
            ("--agentperf", "agentperf", False, ()),
            ("--agentperf-record", "agentperf_record", "none", ("none", "once", "new", "all")),
            ("--agentperf-pace", "agentperf_pace", "virtual", ("virtual", "instant", "real")),
            ("--agentperf-json", "agentperf_json", None, ()),
            ("--agentperf-markdown", "agentperf_markdown", None, ()),
            ("--agentperf-html", "agentperf_html", None, ()),
            ("--agentperf-trace", "agentperf_trace", None, ()),
            ("--agentperf-github", "agentperf_github", False, ()),
            (None, "agentperf_limits", "agentperf.yaml", ()),
            (None, "agentperf_prices", "", ()),
            (None, "agentperf_default_latency", "", ()),
            (None, "agentperf_wall_clock", "now", ()),
            (None, "agentperf_tools", "all", ("all", "seams", "off")),
            ("--agentperf-fail-on", "agentperf_fail_on", "", ()),
            ("--agentperf-ignore", "agentperf_ignore", "", ()),
            (None, "agentperf_thresholds", "", ()),
            (None, "agentperf_estimates", "show", ("show", "judge")),
            (None, "agentperf_unplayed", "report", ("report", "fail", "off")),
            (None, "agentperf_cassette_max_age", "", ()),
            (None, "agentperf_match_ignore", (), ()),
            (None, "agentperf_match_normalize", (), ()),
            (None, "agentperf_allowed_hosts", (), ()),
            (None, "agentperf_include_usage", "openai", ("openai", "all", "off")),
            (None, "agentperf_baseline", "agentperf_baseline", ()),
            ("--agentperf-update", "agentperf_update", None, ()),
            ("--agentperf-ratchet", "agentperf_ratchet", False, ()),
            ("--agentperf-strict", "agentperf_strict", False, ()),
            ("--agentperf-suggest", "agentperf_suggest", False, ()),
            ("--agentperf-against", "agentperf_against", None, ()),
        ]
    )


def test_markers():
    assert [check.signature for table in (CHECKS, OWN_CHECKS) for check in table.values()] == snapshot(
        [
            "max_latency(ms, *, within=None)",
            "max_ttft(ms, *, within=None)",
            "max_cpu(ms)",
            "max_memory(mb)",
            "max_tokens(total=None, *, input=None, output=None, within=None)",
            "max_cost(usd, *, within=None)",
            "max_llm_calls(n, *, within=None)",
            "max_tool_calls(n, *, tool=None, within=None)",
            "no_sequential_tools(min_loss_ms=0, *, allow=None, within=None)",
            "max_metric(name, x)",
            "min_metric(name, x)",
        ]
    )


def test_fixtures():
    assert plugin.__all__ == snapshot(["profiler", "token_budget"])
