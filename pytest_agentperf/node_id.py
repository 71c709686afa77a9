"""Ids of tests as they are without xdist, whose `--dist loadgroup` puts `@group` behind them (not with pytest 9.2)."""

from __future__ import annotations

import pytest


def of(item: pytest.Item) -> str:
    return plain(item.nodeid, item.config)


def plain(nodeid: str, config: pytest.Config) -> str:
    in_a_worker, in_the_controller = getattr(config.option, "loadgroup", False), getattr(config.option, "dist", "")
    if not in_a_worker and in_the_controller != "loadgroup":
        return nodeid
    at = nodeid.rfind("@")
    return nodeid[:at] if at > max(nodeid.rfind("::"), nodeid.rfind("]")) else nodeid
