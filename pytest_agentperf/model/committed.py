"""Where the baselines of a project are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    root: Path
    """Of the project."""
    folder: str = "agentperf_baseline"
    """What their folders are called."""
    updates: Collection[str] = ()
    """What of them this run writes (`--agentperf-update`), so that it fails nothing."""
