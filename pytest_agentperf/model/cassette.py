"""What a test had of a cassette."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CassetteUse:
    path: str
    """From the root of the project, with `/`; absolute where it is not inside."""
    recorded: int
    """Requests in the file when it was opened."""
    played: tuple[int, ...]
    """The places of those that were asked for since, from 0."""
    recorded_at: float | None = None
    """When its first answer came that states a date, in s since 1970."""
