"""Token counts and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one or more calls in *inclusive* buckets; `None` means that nobody said, never 0.

    Addition keeps the unknown unknown for `input` and `output`: a total with a hole in it is no total. In the parts of
    a bucket (`cache_read`, `reasoning`, ...) a missing number counts as 0 beside a present one, for providers leave
    them out where they do not apply.
    """

    input: int | None = None
    """All input: text, tools, cache reads and cache writes."""
    output: int | None = None
    """All output: text, tool calls and reasoning."""
    cache_read: int | None = None
    """The part of `input` that the provider's prompt cache served."""
    cache_write: int | None = None
    """The part of `input` written to the provider's prompt cache, for 5 minutes or 1 hour."""
    cache_write_1h: int | None = None
    """The part of `cache_write` written for 1 hour."""
    reasoning: int | None = None
    """The part of `output` that was reasoning."""
    audio_input: int | None = None
    audio_output: int | None = None
    estimated: bool = False
    """Counted by us, because the wire did not say."""

    @property
    def total(self) -> int | None:
        return None if self.input is None or self.output is None else self.input + self.output

    def __add__(self, other: Usage) -> Usage:
        return total((self, other))


_WHOLES = ("input", "output")
_PARTS = tuple(f.name for f in fields(Usage) if f.name not in (*_WHOLES, "estimated"))


def total(usages: Sequence[Usage]) -> Usage:
    """Their sum; of none, no tokens."""
    sums: dict[str, int | None] = {}
    for name in _WHOLES:
        values = [getattr(usage, name) for usage in usages]
        sums[name] = None if None in values else sum(values)
    for name in _PARTS:
        values = [value for usage in usages if (value := getattr(usage, name)) is not None]
        sums[name] = sum(values) if values else None
    return Usage(**sums, estimated=any(usage.estimated for usage in usages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a call cost, or why nobody can tell."""

    usd: Decimal | None
    """US dollars; None: unpriced (see `note`)."""
    source: str
    """`wire` (the provider said so), `table` (a price table), `user` (the project's own prices) or `none`."""
    note: str = ""
    """The table and its version, or what was not found."""
    estimated: bool = False
    """Priced from estimated tokens."""
