"""Ids of tests: as they are without xdist, and as somebody in a folder of the project writes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def of(item: pytest.Item) -> str:
    return plain(item.nodeid, item.config)


def plain(nodeid: str, config: pytest.Config) -> str:
    """Without the `@group` that xdist's `--dist loadgroup` puts behind it (not with pytest 9.2)."""
    in_a_worker, in_the_controller = getattr(config.option, "loadgroup", False), getattr(config.option, "dist", "")
    if not in_a_worker and in_the_controller != "loadgroup":
        return nodeid
    at = nodeid.rfind("@")
    return nodeid[:at] if at > max(nodeid.rfind("::"), nodeid.rfind("]")) else nodeid


def from_folder(here: Path, root: Path, name: str) -> str:
    """A path or node id, which starts at the root, as one who stands in `here` writes it."""
    path, colons, rest = name.partition("::")
    try:
        return os.path.relpath(root / path, here) + colons + rest
    except ValueError:  # another drive
        return name
