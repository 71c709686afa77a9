"""`agentperf.yaml`: limits and prices for a project, without touching its code.

    limits:
      "tests/agents/test_*.py":
        max_latency: 2000
        max_tokens: {input: 8000, output: 1000}
    gate:                         # against the baseline
      "tests/slow/*.py": {latency: 5%, cost: off, tokens: {percent: 5, floor: 100}}
    prices:                       # US dollars per million tokens
      our-llama-70b: {input: 0.9, output: 0.9}

A glob is matched against the test's file, or against its whole node id if it contains `::`. Where several globs limit
the same thing, the one further down wins; a marker on the test wins over all. The same goes for the thresholds of the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_agentperf.judge.checks import CHECKS, NAMES, OWN_CHECKS, BadLimit
from pytest_agentperf.judge.gate import BadThreshold, Threshold, read_thresholds
from pytest_agentperf.judge.limits import closest, read_limit
from pytest_agentperf.model.limit import Limit

if TYPE_CHECKING:
    from yaml import Node

T = TypeVar("T")
PRICE_KEYS = ("input", "output", "cache_read", "cache_write")


class LimitsFileError(ValueError):
    """The file cannot be read; the message names file, line, value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsFile:
    globs: tuple[tuple[str, tuple[Limit, ...]], ...] = ()
    gates: tuple[tuple[str, dict[str, Threshold]], ...] = ()
    prices: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """Model name to dollars per million tokens, by the names in `PRICE_KEYS`; input and output are always there."""

    def limits(self, nodeid: str) -> tuple[Limit, ...]:
        """The limits of the globs that match a test."""
        matching = [limits for glob, limits in self.globs if _matches(glob, nodeid)]
        return closest(limit for limits in reversed(matching) for limit in limits)

    def thresholds(self, nodeid: str) -> dict[str, Threshold]:
        """Of the gate on a test's baseline."""
        found: dict[str, Threshold] = {}
        for glob, thresholds in self.gates:
            if _matches(glob, nodeid):
                found |= thresholds
        return found

    def idle(self, nodeids: Collection[str]) -> list[str]:
        """The globs that match none of these tests."""
        globs = dict.fromkeys([glob for glob, _ in self.globs] + [glob for glob, _ in self.gates])
        return [glob for glob in globs if not any(_matches(glob, nodeid) for nodeid in nodeids)]


def _matches(glob: str, nodeid: str) -> bool:
    return fnmatchcase(nodeid if "::" in glob else nodeid.partition("::")[0], glob)


def read_limits_file(path: Path, shown: str) -> LimitsFile:
    """Read the file at `path`, which messages call `shown`. Raises LimitsFileError."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LimitsFileError(f"{shown}: cannot be read: {error}") from None
    return _read(text, shown, _Reader.read) or LimitsFile()


def read_prices(text: str, shown: str) -> dict[str, dict[str, Decimal]]:
    """What stands under `prices` alone, as the ini holds it. Raises LimitsFileError."""
    return _read(text, shown, _Reader.prices) or {}


def _read(text: str, shown: str, read: Callable[[_Reader, Node], T]) -> T | None:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if root is None else read(_Reader(shown, yaml.SafeLoader("")), root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LimitsFileError(f"{shown}:{line}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise LimitsFileError(f"{shown}: cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Walks YAML's nodes rather than its values, because only nodes know their lines."""

    shown: str
    loader: Any

    def read(self, root: Node) -> LimitsFile:
        globs: list[tuple[str, tuple[Limit, ...]]] = []
        prices: dict[str, dict[str, Decimal]] = {}
        gates: list[tuple[str, dict[str, Threshold]]] = []
        for key, name, section in self._items(root, "a mapping with the keys limits, gate and prices"):
            if name == "limits":
                for _, glob, body in self._items(section, "a mapping from path globs to limits"):
                    globs.append((str(glob), tuple(self._limits(body))))
            elif name == "gate":
                for where, glob, body in self._items(section, "a mapping from path globs to thresholds"):
                    gates.append((str(glob), self._thresholds(where, body)))
            elif name == "prices":
                prices = self.prices(section)
            else:
                raise self._error(key, f"unknown key {name!r}; allowed: limits, gate, prices")
        return LimitsFile(globs=tuple(globs), gates=tuple(gates), prices=prices)

    def prices(self, section: Node) -> dict[str, dict[str, Decimal]]:
        prices: dict[str, dict[str, Decimal]] = {}
        for _, model, body in self._items(section, "a mapping from model names to prices"):
            prices[str(model)] = dict(self._prices(body))
            if missing := [name for name in PRICE_KEYS[:2] if name not in prices[str(model)]]:
                raise self._error(body, f"{model}: no price for {' and '.join(missing)}")
        return prices

    def _limits(self, body: Node) -> Iterator[Limit]:
        for key, name, node in self._items(body, "a mapping from limits to values"):
            if name not in NAMES:
                raise self._error(key, f"unknown limit {name!r}; allowed: {', '.join(NAMES)}")
            source = f"{self.shown}:{key.start_mark.line + 1}"
            for args, kwargs in _arguments(name, self._value(node)):
                try:
                    yield from read_limit(name, args, kwargs, source=source, explicit=False)
                except BadLimit as problem:
                    raise self._error(key, f"{name}: {problem}") from None

    def _thresholds(self, key: Node, body: Node) -> dict[str, Threshold]:
        try:
            return read_thresholds(self._value(body))
        except BadThreshold as problem:
            raise self._error(key, str(problem)) from None

    def _prices(self, body: Node) -> Iterator[tuple[str, Decimal]]:
        for key, name, node in self._items(body, f"a mapping with the keys {', '.join(PRICE_KEYS)}"):
            value = self._value(node)
            if name not in PRICE_KEYS:
                raise self._error(key, f"unknown price {name!r}; allowed: {', '.join(PRICE_KEYS)}")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise self._error(key, f"{name}: expected US dollars per million tokens, 0 or more, got {value!r}")
            yield name, Decimal(str(value))

    def _items(self, node: Node, what: str) -> Iterator[tuple[Node, Any, Node]]:
        from yaml import MappingNode

        if not isinstance(node, MappingNode):
            raise self._error(node, f"expected {what}, got {self._value(node)!r}")
        seen = set()
        for key, value in node.value:
            name = self._value(key)
            if not isinstance(name, (str, int, float)):
                raise self._error(key, f"expected a name, got {name!r}")
            if name in seen:
                raise self._error(key, f"{name!r} stands here twice")
            seen.add(name)
            yield key, name, value

    def _value(self, node: Node) -> Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except ValueError as problem:  # 2024-99-01 looks like a date
            raise self._error(node, f"cannot be read: {problem}") from None

    def _error(self, node: Node, problem: str) -> LimitsFileError:
        return LimitsFileError(f"{self.shown}:{node.start_mark.line + 1}: {problem}")


def _arguments(name: str, value: object) -> Iterator[tuple[tuple[object, ...], dict[str, Any]]]:
    """A mapping gives keywords, a list several limits of this name (`within` differs), all else is the first value.

    For a metric of the team's own the mapping goes from its name to the number.
    """
    if name in OWN_CHECKS:
        yield from (((own, bound), {}) for own, bound in value.items()) if isinstance(value, dict) else [((value,), {})]
    elif value is True and CHECKS[name].default is not None:  # `no_sequential_tools: true`
        yield (), {}
    elif isinstance(value, dict):
        yield (), {str(key): item for key, item in value.items()}
    elif isinstance(value, list) and value:
        for item in value:
            yield from _arguments(name, item)
    else:
        yield (value,), {}
