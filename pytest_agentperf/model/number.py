"""Numbers for people and for programs."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

Number = int | float | Decimal


def plain_number(value: Number) -> int | float:
    """For JSON, where money is a number like any other."""
    return float(value) if isinstance(value, Decimal) else value


_ONE = {"tokens": "token", "calls": "call", "turns": "turn", "bytes": "byte"}


def format_value(value: Number | None, unit: str, *, estimated: bool = False) -> str:
    """A number for people: `1,234 ms`, `$0.0123`, `~310 tokens`, `1 call`; an unknown one is `?`."""
    if value is None:
        return "?"
    mark = "~" if estimated else ""
    if not isfinite(value):
        return f"{mark}{value} {unit}".rstrip()
    if unit == "USD":
        return f"{mark}${_money(Decimal(value))}"
    if value == 1:
        unit = _ONE.get(unit, unit)
    text = f"{int(value):,}" if value == int(value) else f"{value:,.6g}"
    return f"{mark}{text} {unit}".rstrip()


def _money(usd: Decimal) -> str:
    """At least cents; below one dollar, down to two significant digits beyond the zeros."""
    if usd == 0 or abs(usd) >= 1:
        return f"{usd:,.2f}"
    places = max(2, 1 - usd.adjusted())
    return f"{usd:.{places}f}"
