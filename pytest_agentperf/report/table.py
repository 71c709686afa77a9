"""A table that fits: columns of figures and names of tests, in as many cells as a terminal has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from pytest_agentperf.analyze.text import cells, clip, pad

Paint = Callable[[str, str], str]
"""(text, style) to text; the style is a key of `STYLES`."""

STYLES = {"strong": "1", "faint": "2", "bad": "31", "doubtful": "33"}
SUMS = "sums"
_GAPS = (("  ", 36), (" ", 22))
"""Between columns, and the cells that they must leave for names."""


def painter(*, color: bool) -> Paint:
    """Styles as ANSI escapes, or as nothing; spaces around a text stay outside, so that lines can be stripped."""

    def paint(text: str, style: str) -> str:
        bare = text.strip()
        return text.replace(bare, f"\x1b[{STYLES[style]}m{bare}\x1b[0m", 1) if style and bare else text

    return paint if color else lambda text, _style: text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    text: str
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    key: str
    head: tuple[str, str]
    """Two lines: what, and its unit."""
    cells: tuple[Cell, ...]

    @property
    def width(self) -> int:
        return max(map(cells, (*self.head, *(cell.text for cell in self.cells))))

    def without_sum(self) -> Column:
        return replace(self, cells=self.cells[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    columns: list[Column]
    gap: str
    room: int
    """Cells for a name."""
    sums: bool
    """There is room for the line of sums."""


def aligned(values: Sequence[Cell]) -> tuple[Cell, ...]:
    """Decimal points under each other."""
    after = [len(cell.text.partition(".")[2]) + ("." in cell.text) for cell in values]
    most = max(after, default=0)
    return tuple(
        Cell(text=cell.text + " " * (most - own if cell.text else 0), style=cell.style)
        for cell, own in zip(values, after, strict=True)
    )


def fit(columns: Sequence[Column], names: Sequence[str], width: int, *, drop: Sequence[str], sums: bool) -> Fit:
    """As much as leaves names readable: wide gaps go first, then columns in the order of `drop`.

    `sums`: the last cell of each column, and the last name, belong to a line of sums. From `SUMS` in `drop` on, that
    line goes before a column does.
    """
    kept = list(columns)
    choices = [sums]
    for dropped in (None, *drop):
        kept = [column for column in kept if column.key != dropped]
        if dropped == SUMS and sums:
            choices.append(False)
        for line_of_sums in choices:
            shown = kept if line_of_sums == sums else [column.without_sum() for column in kept]
            longest = max(map(cells, names if line_of_sums == sums else names[:-1]))
            for gap, name in _GAPS:
                room = width - sum(column.width + len(gap) for column in shown)
                if room >= min(longest, name):
                    return Fit(columns=shown, gap=gap, room=min(room, longest), sums=line_of_sums)
    return Fit(columns=[], gap="", room=max(1, width), sums=False)


def draw(fitted: Fit, names: Sequence[Cell], paint: Paint) -> list[str]:
    """Two lines of headings, then a line for each name."""
    lines = []
    for at in (0, 1):
        head = [paint(pad(column.head[at], column.width, right=True), "faint") for column in fitted.columns]
        lines.append(fitted.gap.join((" " * fitted.room, *head)).rstrip())
    for row, name in enumerate(names):
        figures = [_figure(column, row, paint) for column in fitted.columns]
        lines.append(fitted.gap.join((paint(pad(clip(name.text, fitted.room), fitted.room), name.style), *figures)))
    return lines


def _figure(column: Column, row: int, paint: Paint) -> str:
    cell = column.cells[row]
    return pad("", column.width - cells(cell.text)) + paint(cell.text, cell.style)


def common_prefix(nodeids: Sequence[str]) -> str:
    """Folders, module and classes that all share, with the separator behind; parameters are never part of it."""
    first, last = (each(nodeid.partition("[")[0] for nodeid in nodeids) for each in (min, max))
    shared = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return shared[: max(shared.rfind("/") + 1, shared.rfind("::") + 2 if "::" in shared else 0)]


def without_modules(names: Sequence[str]) -> list[str]:
    """Names cut to function and parameters, where these alone tell the test from the others."""
    tails = []
    for name in names:
        path, bracket, parameters = name.partition("[")
        tails.append(path.rpartition("::")[2] + bracket + parameters)
    counts = Counter(tails)
    return [tail if counts[tail] == 1 else name for name, tail in zip(names, tails, strict=True)]
