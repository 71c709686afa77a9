"""Which tests there were, and which of them ran: what nobody ran must not be taken for gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_agentperf import node_id


class Roll:
    """One a pytest process; those of xdist's workers tell the controller's."""

    def __init__(self) -> None:
        self.collected: list[pytest.Item] = []
        """Every item, before somebody deselected it or left it out."""
        self.unseen = False
        """There may be tests that nobody collected, or of which nobody told."""
        self._elsewhere: set[str] = set()
        """What workers collected."""
        self.ran: dict[str, bool] = {}
        """Tests, and whether nothing of them failed: neither setup nor body nor teardown."""

    def called(self, nodeid: str, report: pytest.TestReport) -> None:
        tried_again = report.when == "setup"
        self.ran[nodeid] = not report.failed and (tried_again or self.ran.get(nodeid, True))

    def told(self, *, whole: bool) -> dict[str, Any]:
        """For the controller; `whole`: it matters to it what was collected."""
        return {"unseen": self.unseen, "collected": [*map(node_id.of, self.collected)] if whole else []}

    def hear(self, told: dict[str, Any]) -> None:
        """What a worker told; one that died tells nothing."""
        self.unseen |= told.get("unseen", True)
        self._elsewhere.update(told.get("collected", ()))

    def complete(self, config: pytest.Config) -> tuple[Path, ...]:
        """Files and folders of which every test ran: none of a run that stopped, chose, or could not collect."""
        there = self._elsewhere.union(map(node_id.of, self.collected))
        if self.unseen or not there <= self.ran.keys() or getattr(config.option, "lf", False):
            return ()
        here = config.invocation_params.dir
        return tuple(path for arg in config.args if "::" not in arg and (path := here / arg).exists())
