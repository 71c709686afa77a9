"""The bars of waterfalls and the LLM calls among them as rows of integers, laid out so that they compress well.

Times are tenths of a millisecond. What many bars share (kind, depth, name, flags) is a shape, a place in a list. Most bars
start where the one before them ended and many end with their parent, which the shape says instead of a number. A row of a
baseline is told as its difference from the run's row in the same place, which is mostly none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, repeat
from operator import sub
from typing import TypeVar

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.analyze.tree import Node, forest
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.record.tools.window import with_windows

T = TypeVar("T")
Row = tuple[int, ...]
Shape = tuple[str, int, str, bool, bool, bool, bool]
"""Kind, depth, name; whether its end is known; it failed; it starts no sooner than all before it in its parent had ended;
it ends with its parent."""

BAR = ("shape", "gap", "length")
"""`gap`: from the end of what is before it in its parent; where the shape says that it did not wait for that, from the start
of the bar before; of the first from the parent's start. `length`: 0 where the shape says that it ends with its parent."""
CALL = ("turn", "input", "fresh", "output", "cost", "estimated", "told")
"""`fresh`: input tokens that did not come from a cache, of those where some did. `cost`: as it is shown, in hundred-millionths
of a dollar. `estimated`: 1 the tokens, 2 the cost. `told`: a text. -1: there is none."""

FIRST, PIECES = 250, 100
"""Into so many parts a call and its stream are divided. More would not be seen and need room."""

_NO_TOKENS = (-1, -1, -1)


class Places(dict[T, int]):
    """What was looked up, in the order of first times, to its place."""

    def __missing__(self, one: T) -> int:
        self[one] = place = len(self)
        return place


class Waterfalls:
    """The rows of all tests."""

    def __init__(self, texts: Places[str]) -> None:
        self.texts = texts
        self.shapes: Places[Shape] = Places()
        self.bars: list[Row] = []
        self.calls: list[Row] = []
        self.streams: list[str] = []
        """Of each call, for a streamed answer: when its first byte came, in `FIRST`th parts of the call, and then its pieces, in
        `PIECES`th parts of the time from there to the end, each since the one before. A character each, from `#` for none."""

    def add(self, profile: Profile, base: Profile | None) -> Row:
        """How many bars and calls, and how long the test goes on after its last bar; the same of the baseline, or zeros."""
        bars, calls, rest = self._rows(profile)
        sizes = (len(bars), len(calls), rest)
        self.bars += bars
        self.calls += calls
        if base is None:
            return (*sizes, 0, 0, 0)
        spans = with_windows(base.spans, base.calls)  # a baseline keeps none
        old_bars, old_calls, rest = self._rows(replace(base, spans=spans))
        self.bars += _differences(old_bars, bars)
        self.calls += _differences(old_calls, calls)
        return (*sizes, len(old_bars), len(old_calls), rest)

    def _rows(self, profile: Profile) -> tuple[list[Row], list[Row], int]:
        known = {call.index: call for call in profile.calls}
        bars: list[Row] = []
        calls: list[Row] = []
        shapes = self.shapes

        def add(nodes: Sequence[Node], depth: int, begins: int, ends: int | None) -> int:
            """Returns when the last of these children of one parent ends."""
            before = over = begins
            for node in nodes:
                start, end = _tenths(node.start_ns), _tenths(node.end_ns)
                follows, fills = start >= over, end == ends
                shape = shapes[node.kind, depth, node.name, node.known, node.failed, follows, fills]
                bars.append((shape, start - (over if follows else before), 0 if fills else end - start))
                if node.kind == "llm":
                    calls.append(self._call(known[node.id]))
                    self.streams.append(_stream(known[node.id], node))
                if node.children:
                    add(node.children, depth + 1, start, end)
                before = start
                over = max(over, end)
            return over

        over = add(forest(profile), 0, 0, None)
        return bars, calls, _tenths(profile.latency_ns) - over

    def _call(self, call: ModelCall) -> Row:
        usage, cost = call.usage, call.cost
        tokens, estimated, usd = _NO_TOKENS, 0, -1
        if usage and usage.input is not None and usage.output is not None:
            tokens = (usage.input, usage.input - usage.cache_read if usage.cache_read else -1, usage.output)
            estimated = int(usage.estimated)
        if cost and cost.usd is not None:
            usd = round(float(f"{cost.usd:.2g}" if cost.usd < 1 else f"{cost.usd:.2f}") * 1e8)
            estimated += 2 * cost.estimated
        return (call.turn, *tokens, usd, estimated, self.texts[_told(call)])


def _told(call: ModelCall) -> str:
    told = [f"asks for {', '.join(dict.fromkeys(tool.name for tool in call.tool_calls))}"] if call.tool_calls else []
    if call.error:
        told.append(call.error)
    return plain("; ".join(told))


def _stream(call: ModelCall, node: Node) -> str:
    if node.first_byte_ns is None:
        return ""
    first = _part(FIRST, node.first_byte_ns, node.start_ns, node.end_ns)
    drawn = call.chunks_ns if node.known and len(call.chunks_ns) > 2 else ()
    pieces = [_part(PIECES, at, node.first_byte_ns, node.end_ns) for at in drawn]
    return "".join([chr(ord("#") + parts) for parts in (first, *map(sub, pieces, (0, *pieces)))])


def _part(parts: int, at: int, start: int, end: int) -> int:
    return round(parts * max(0, at - start) / max(1, end - start))


def _differences(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """Each from the one in its place; where there is none it stays as it is."""
    zeros = (0,) * max(len(BAR), len(CALL))
    return [tuple(map(sub, row, other)) for row, other in zip(rows, chain(others, repeat(zeros)), strict=False)]


def _tenths(ns: int) -> int:
    return (ns + 50_000) // 100_000
