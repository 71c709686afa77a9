"""A profile as a text picture: what ran when, what waited, what ran at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from pytest_agentperf.analyze.text import cells, clip, pad, plain
from pytest_agentperf.analyze.timeline import shares
from pytest_agentperf.analyze.tree import Node, forest
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import ClockKind, Profile

_MOST_ROWS = 60
_GAP = "  "
_LEGEND = {
    "-": "timer",
    "#": "tool",
    "~": "tools, not seen",
    ".": "waiting for the LLM",
    "=": "LLM streaming",
    "?": "end unknown",
}

_MARKS = {"tool": "#", "window": "~", "timer": "-", "own": "-"}


@dataclass(frozen=True, slots=True)
class _Row:
    depth: int
    nodes: list[Node]
    """One; in a folded picture all of one name at one place of the tree."""

    @property
    def label(self) -> str:
        first = self.nodes[0]
        many = f" x{len(self.nodes):,}" if len(self.nodes) > 1 else ""
        failed = " (failed)" if any(node.failed for node in self.nodes) else ""
        failed += " (retry)" if any(node.again for node in self.nodes) else ""
        kind = {"llm": "LLM ", "tool": "tool ", "window": "tools "}.get(first.kind, "")
        return f"{'  ' * self.depth}{kind}{plain(first.name)}{many}{failed}"

    @property
    def total_ns(self) -> int:
        return sum(node.end_ns - node.start_ns for node in self.nodes)

    @property
    def number(self) -> str:
        if not all(node.known for node in self.nodes):
            return "?"
        ms = (self.total_ns + 500_000) // 1_000_000
        return format_value(ms, "ms") if ms or not self.total_ns else "<1 ms"


def waterfall(profile: Profile, *, width: int = 80, color: bool = False) -> str:
    """One line for each LLM call, timer and tool, indented by nesting, on one time scale; no line wider than `width`.

    Beyond 60 lines, calls, timers and tools of one name at one place of the tree share a line (`x12`, times added);
    what is still too much leaves out the shortest and says how many. Milliseconds of the recording's clock; `?` where
    the end is unknown. The last line says what the latency consists of, along the critical path.
    """
    roots = forest(profile)
    if not roots:
        return "no LLM call, timer or tool"
    rows, hidden = _rows(roots)
    end = max([profile.latency_ns, *(node.end_ns for node in roots), 1])
    labels = [row.label for row in rows]
    right = max(cells(row.number) for row in rows)
    left = max(8, min(max(map(cells, labels)), width * 2 // 5))
    scale = max(4, width - left - right - 2 * len(_GAP))
    bars = [_bar(row, end, scale) for row in rows]
    lines = [_GAP.join((" " * left, _axis(profile, end, scale)))]
    lines += [
        _GAP.join((pad(clip(label, left), left), bar, pad(row.number, right, right=True)))
        for label, bar, row in zip(labels, bars, rows, strict=True)
    ]
    if hidden:
        lines.append(f"... {hidden:,} shorter ones not shown")
    lines += _legend(set("".join(bars)), width)
    lines += _shares(profile, width)
    shown = [clip(line.rstrip(), width) for line in lines]
    if color:
        shown = [_colored(line, left) if at in range(1, len(bars) + 1) else line for at, line in enumerate(shown)]
    return "\n".join(shown)


_COLORS = {"#": "32", "~": "33", ".": "34", "=": "36", "-": "2", "?": "31"}


def _colored(line: str, left: int) -> str:
    """The bar, which begins behind the label, in colours; what is not a mark of it stays."""
    head, rest = _split(line, left)
    return head + _RUN.sub(lambda run: f"\x1b[{_COLORS[run[0][0]]}m{run[0]}\x1b[0m", rest)


_RUN = re.compile(r"(#+|~+|\.+|=+|-+|\?+)")


def _split(line: str, width: int) -> tuple[str, str]:
    """After so many cells."""
    at = 0
    while at < len(line) and cells(line[:at]) < width:
        at += 1
    return line[:at], line[at:]


def _shares(profile: Profile, width: int) -> list[str]:
    """`LLM 2,650 ms (63%)  tools 1,300 ms (31%)  idle 250 ms (6%)`; what there is none of is left out.

    Nothing where the end of a call is unknown: who took that time, nobody knows.
    """
    if any(call.duration_ns is None for call in profile.calls):
        return []
    found = shares(profile)
    parts = {"LLM": found.llm_ns, "tools": found.tool_ns, "own": found.own_ns, "idle": found.idle_ns}
    total = sum(parts.values())
    told = [
        f"{name} {format_value((ns + 500_000) // 1_000_000, 'ms')} ({ns / total:.0%})"
        for name, ns in parts.items()
        if ns
    ]
    return [line.replace("\xa0", " ") for line in wrap("  ".join(t.replace(" ", "\xa0") for t in told), max(1, width))]


def _legend(used: set[str], width: int) -> list[str]:
    """Wrapped between its entries, not within: no-break spaces hold these together."""
    entries = (f"{mark}\xa0{text}".replace(" ", "\xa0") for mark, text in _LEGEND.items() if mark in used)
    return [line.replace("\xa0", " ") for line in wrap("  ".join(entries), max(1, width))]


def _axis(profile: Profile, end_ns: int, scale: int) -> str:
    if profile.clock is ClockKind.INSTANT:
        return "replayed at once: no times"
    last = format_value((end_ns + 500_000) // 1_000_000, "ms")
    return f"0{pad(last, scale - 1, right=True)}" if len(last) + 2 <= scale else pad(last, scale, right=True)


def _rows(roots: list[Node]) -> tuple[list[_Row], int]:
    """The rows to show, and how many were left out."""
    rows = list(_each(roots))
    if len(rows) > _MOST_ROWS:
        rows = list(_folded(roots))
    if len(rows) <= _MOST_ROWS:
        return rows, 0
    longest = sorted(range(len(rows)), key=lambda at: (-rows[at].total_ns, at))[:_MOST_ROWS]
    shown = set(longest)
    for at in longest:  # a row without those around it would hang in the air
        depth = rows[at].depth
        while depth:
            at = next(above for above in range(at - 1, -1, -1) if rows[above].depth < depth)
            depth = rows[at].depth
            shown.add(at)
    return [rows[at] for at in sorted(shown)], len(rows) - len(shown)


def _each(nodes: list[Node], depth: int = 0) -> Iterator[_Row]:
    for node in nodes:
        yield _Row(depth, [node])
        yield from _each(node.children, depth + 1)


def _folded(nodes: list[Node], depth: int = 0) -> Iterator[_Row]:
    groups: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        groups.setdefault((node.kind, node.name), []).append(node)
    for group in groups.values():
        yield _Row(depth, group)
        yield from _folded([child for node in group for child in node.children], depth + 1)


def _bar(row: _Row, end_ns: int, scale: int) -> str:
    bar = [" "] * scale

    def draw(start_ns: int, stop_ns: int, mark: str) -> None:
        """At least one cell, so that nothing that happened is invisible."""
        first = min(max(0, start_ns) * scale // end_ns, scale - 1)
        last = min(max(first + 1, -(-max(0, stop_ns) * scale // end_ns)), scale)
        bar[first:last] = mark * (last - first)

    for node in row.nodes:
        if node.kind == "llm":
            streaming_ns = node.end_ns if node.first_byte_ns is None else node.first_byte_ns
            if node.start_ns < streaming_ns or node.known:
                draw(node.start_ns, streaming_ns, ".")
            if streaming_ns < node.end_ns:
                draw(streaming_ns, node.end_ns, "=")
        else:
            draw(node.start_ns, node.end_ns, _MARKS[node.kind])
        if not node.known:
            draw(node.end_ns, node.end_ns, "?")
    return "".join(bar)
