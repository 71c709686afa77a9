"""The table of limits that can be written down, as a marker, in a YAML file or as a helper's argument.

A row here is a marker, its help text, a key of `agentperf.yaml` and its validation. Imports nothing of ours, so that
the names can be registered in sessions that use none of them; rows are named tuples, which are made faster than
dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, NamedTuple

Bound = int | float | Decimal


class BadLimit(ValueError):
    """A limit that cannot be read; the message names the value and what is allowed."""


class Parameter(NamedTuple):
    name: str
    metric: str
    """The row of `METRICS` that it bounds."""
    parse: Callable[[object], Bound]
    """Raises BadLimit with a clause that says what is allowed."""


class Check(NamedTuple):
    name: str
    """Of the marker."""
    help: str
    parameters: tuple[Parameter, ...]
    """The first may be given by position."""
    default: Bound | None = None
    """Of the first parameter, where nothing has to be given."""
    tool: bool = False
    """Takes `tool="name"`."""
    allow: bool = False
    """Takes `allow=["tool", ...]`."""
    within: bool = True
    """Takes `within="timer"`."""

    @property
    def signature(self) -> str:
        """As Python would write it: `max_tokens(total=None, *, input=None, output=None, within=None)`."""
        first, *others = self.parameters
        options = {"tool": self.tool, "allow": self.allow, "within": self.within}
        names = [*(parameter.name for parameter in others), *(name for name, taken in options.items() if taken)]
        keywords = f", *, {', '.join(f'{name}=None' for name in names)}" if names else ""
        default = "=None" if others else "" if self.default is None else f"={self.default}"
        return f"{self.name}({first.name}{default}{keywords})"


class OwnCheck(NamedTuple):
    """A limit on a number of the team's own."""

    name: str
    help: str
    kind: str

    @property
    def signature(self) -> str:
        return f"{self.name}(name, x)"


def _number(value: object) -> Bound:
    try:
        if not isinstance(value, bool) and isinstance(value, (int, float)) and isfinite(value):
            return value
    except OverflowError:
        pass
    raise BadLimit("expected a number")


def _milliseconds(value: object) -> Bound:
    return _at_least_zero(value, "a number of milliseconds, 0 or more")


def _megabytes(value: object) -> Bound:
    return _at_least_zero(value, "a number of megabytes, 0 or more")


def _count(value: object) -> Bound:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadLimit("expected a whole number, 0 or more")
    return value


def _dollars(value: object) -> Bound:
    """Through text, so that 0.05 means five cents and not its nearest binary fraction."""
    if isinstance(value, (int, float, str, Decimal)) and not isinstance(value, bool):
        try:
            usd = Decimal(str(value))
        except (InvalidOperation, ValueError):  # ValueError: more digits than Python writes out
            pass
        else:
            if usd.is_finite() and usd >= 0:
                return usd
    raise BadLimit('expected US dollars, 0 or more, as a number or as a text like "0.05"')


def _at_least_zero(value: object, what: str) -> Bound:
    try:
        number = _number(value)
    except BadLimit:
        number = -1
    if number < 0:
        raise BadLimit(f"expected {what}")
    return number


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            name="max_latency",
            help="fail if the test takes more than `ms` milliseconds",
            parameters=(Parameter(name="ms", metric="latency", parse=_milliseconds),),
        ),
        Check(
            name="max_ttft",
            help="fail if any LLM call takes more than `ms` milliseconds to its first token",
            parameters=(Parameter(name="ms", metric="ttft", parse=_milliseconds),),
        ),
        Check(
            name="max_cpu",
            help="fail if the agent's own code takes more than `ms` milliseconds of processor time",
            parameters=(Parameter(name="ms", metric="cpu", parse=_milliseconds),),
            within=False,
        ),
        Check(
            name="max_memory",
            help="fail if the test's body holds more than `mb` megabytes of memory at once; tracemalloc makes it slow",
            parameters=(Parameter(name="mb", metric="memory", parse=_megabytes),),
            within=False,
        ),
        Check(
            name="max_tokens",
            help="fail if the test uses more tokens in `total`, `input` or `output`",
            parameters=(
                Parameter(name="total", metric="tokens", parse=_count),
                Parameter(name="input", metric="input_tokens", parse=_count),
                Parameter(name="output", metric="output_tokens", parse=_count),
            ),
        ),
        Check(
            name="max_cost",
            help="fail if the LLM calls of the test cost more than `usd` US dollars",
            parameters=(Parameter(name="usd", metric="cost", parse=_dollars),),
        ),
        Check(
            name="max_llm_calls",
            help="fail if the test makes more than `n` LLM calls",
            parameters=(Parameter(name="n", metric="llm_calls", parse=_count),),
        ),
        Check(
            name="max_tool_calls",
            help="fail if the model asks for more than `n` tool calls, or calls of one `tool`",
            parameters=(Parameter(name="n", metric="tool_calls", parse=_count),),
            tool=True,
        ),
        Check(
            name="no_sequential_tools",
            help="fail if tools of one turn run one after another and lose more than `min_loss_ms` milliseconds by it",
            parameters=(Parameter(name="min_loss_ms", metric="sequential_loss", parse=_milliseconds),),
            default=0,
            allow=True,
        ),
    )
}

OWN_CHECKS: dict[str, OwnCheck] = {
    check.name: check
    for check in (
        OwnCheck(
            name="max_metric",
            help="fail if `profiler.metric(name, ...)`, or a number of ours (tool_time, turns), is above `x`, or unknown",
            kind="max",
        ),
        OwnCheck(
            name="min_metric",
            help="fail if `profiler.metric(name, ...)`, or a number of ours (tool_overlap), is below `x`, or unknown",
            kind="min",
        ),
    )
}

NAMES = (*CHECKS, *OWN_CHECKS)


class Parsed(NamedTuple):
    """One bound out of a written limit."""

    metric: str
    bound: Bound
    kind: str = "max"
    own: bool = False
    within: str | None = None
    tool: str | None = None
    allow: tuple[str, ...] = ()


def parse(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> tuple[Parsed, ...]:
    """Read a limit as it was written. Raises BadLimit."""
    if name in OWN_CHECKS:
        return (_parse_own(OWN_CHECKS[name], args, kwargs),)
    check = CHECKS[name]
    rest = _keywords(check, args, kwargs)
    options: dict[str, Any] = {
        "within": _text(rest.pop("within", None), "within", "the name of a timer") if check.within else None,
        "tool": _text(rest.pop("tool", None), "tool", "the name of a tool") if check.tool else None,
        "allow": _names(rest.pop("allow", None)) if check.allow else (),
    }
    bounds = []
    for parameter in check.parameters:
        if (value := rest.pop(parameter.name, None)) is not None:
            try:
                bounds.append(Parsed(metric=parameter.metric, bound=parameter.parse(value), **options))
            except BadLimit as problem:
                raise BadLimit(f"{problem}, got {_shown(value)}") from None
    if rest:
        raise BadLimit(f"unknown argument {next(iter(rest))!r}; it is written {check.signature}")
    if not bounds:
        raise BadLimit(f"a value is missing; it is written {check.signature}")
    return tuple(bounds)


def _keywords(check: Check, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
    """All arguments by their names."""
    first = check.parameters[0].name
    if len(args) > 1:
        raise BadLimit(f"expected one value, got {len(args)}; it is written {check.signature}")
    if args and first in kwargs:
        raise BadLimit(f"{first!r} is given twice; it is written {check.signature}")
    default = {} if check.default is None else {first: check.default}
    return {**default, **kwargs, **({first: args[0]} if args else {})}


def _parse_own(check: OwnCheck, args: Sequence[object], kwargs: Mapping[str, object]) -> Parsed:
    values: dict[str, Any] = dict(zip(("name", "x"), args, strict=False))
    if len(args) > 2 or set(values) & set(kwargs) or set(values) | set(kwargs) != {"name", "x"}:
        raise BadLimit(f"expected the name of a metric and a number; it is written {check.signature}")
    values.update(kwargs)
    name = _text(values["name"], "name", "the name of a metric")
    try:
        return Parsed(metric=name or "", bound=_number(values["x"]), kind=check.kind, own=True)
    except BadLimit as problem:
        raise BadLimit(f"{problem}, got {_shown(values['x'])}") from None


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python writes out
        return "a number of thousands of digits"
    return text if len(text) < 80 else f"{text[:60]}..."


def _text(value: object, name: str, what: str) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise BadLimit(f"{name} must be {what}, got {value!r}")
    return value


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(name, str) and name for name in value):
        return tuple(sorted(value))
    raise BadLimit(f"allow must be a list of names of tools, got {_shown(value)}")
