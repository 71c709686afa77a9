"""What a cassette may do, and what is wrong with it. Light, so that others can name it without loading vcrpy."""

from __future__ import annotations

from enum import StrEnum


class RecordMode(StrEnum):
    NONE = "none"
    """Replay only; what is not in the cassette is a miss."""
    ONCE = "once"
    """Record where there is no cassette yet, else replay only."""
    NEW = "new"
    """Replay, and record what is missing: vcrpy's `new_episodes`."""
    ALL = "all"
    """Record everything anew."""


class CassetteError(Exception):
    """A cassette that cannot be read or must not be written."""
