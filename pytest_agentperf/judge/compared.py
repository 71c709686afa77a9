"""Two runs of a test: what differs, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pytest_agentperf.judge.causes import explain, luck, why
from pytest_agentperf.judge.gate import Thresholds, compare, describe
from pytest_agentperf.model.change import Change, Step, Verdict
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.price.cost import OwnPrice

_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Compared:
    """A test beside its baseline."""

    changes: tuple[Change, ...] = ()
    base: Profile | None = None
    """The baseline's skeleton, priced; None where there is none or the test does the same."""
    steps: tuple[Step, ...] = ()
    """Why it does not."""
    held: bool = False
    """There is a baseline, and the run's numbers say something beside it."""
    new: bool = False

    @property
    def fails(self) -> bool:
        return any(change.verdict.fails for change in self.changes)

    def message(self, shown: str, nodeid: str) -> str:
        """Of a test that fails by it, with the weightiest reasons; see `gate.describe`."""
        worse = [change.metric for change in self.changes if change.verdict.fails]
        return describe(self.changes, shown, nodeid, why(self.steps, worse)[:_MOST_REASONS])


def compared(
    base: Profile,
    head: Profile,
    thresholds: Thresholds,
    own_prices: Mapping[str, OwnPrice],
    seen: Profile | None = None,
    *,
    accepts: Collection[Verdict] = (),
    ratchet: bool = False,
) -> Compared:
    """Both are priced skeletons; `seen`: see `causes.explain`, and the others `gate.compare`."""
    steps = explain(base, head, own_prices, seen)
    changes = compare(base, head, thresholds, accepts=accepts, ratchet=ratchet, luck=luck(steps))
    return Compared(changes, base, steps, held=True)
