"""The table of frameworks in `docs/tools.md`: a row each, which the tests find out."""

from __future__ import annotations

import itertools
from pathlib import Path

from frameworks.table import FRAMEWORKS

PAGE = Path(__file__).parents[2] / "docs" / "tools.md"
HEAD = (
    "| framework | its seam | detector alone | OpenTelemetry | functions | coroutines | coroutines that block |\n"
    "|---|---|---|---|---|---|---|\n"
)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def committed() -> dict[str, str]:
    """The rows of the page, by framework."""
    _, rows, _ = _parts()
    return {line.split("|")[1].strip(): line for line in rows.splitlines()}


def write(title: str, line: str) -> None:
    before, _, after = _parts()
    rows = committed() | {title: line}
    kept = "".join(f"{rows[known.title]}\n" for known in FRAMEWORKS.values() if known.title in rows)
    PAGE.write_text(f"{before}{kept}{after}", "utf-8")


def _parts() -> tuple[str, str, str]:
    """The page to the end of the table's head, its rows, the rest."""
    before, head, table = PAGE.read_text("utf-8").partition(HEAD)
    rows = "".join(itertools.takewhile(lambda line: line.startswith("|"), table.splitlines(keepends=True)))
    return before + head, rows, table[len(rows) :]
