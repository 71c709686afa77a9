"""A profile beside its baseline, without pytest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_agentperf.judge.baselines import Baselines, Tree
from pytest_agentperf.judge.compared import compared
from pytest_agentperf.judge.gate import Thresholds, priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.model.change import Verdict
from pytest_agentperf.model.committed import Committed
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.price.cost import OwnPrice


def regression(
    seen: Profile,
    base: Profile | None,
    thresholds: Thresholds,
    own_prices: Mapping[str, OwnPrice] | None = None,
    committed: Committed | None = None,
) -> str:
    """What is worse than in another profile (None: than in the committed baseline), and why; empty where nothing is.

    `committed`: None: looked for from this folder upwards. Raises BadBaseline.
    """
    prices = own_prices or {}
    place = None if base else committed or _committed(seen.nodeid)
    updates = place.updates if place else ()
    store = Baselines(Tree(place.root), place.folder, lenient="new" in updates) if place else None
    old = skeleton(base) if base else store.profile(seen.nodeid) if store else None
    if old is None:
        return ""
    old, new = priced(old, prices), priced(skeleton(seen), prices)
    accepts = [Verdict.REGRESSION] if "worse" in updates else []
    found = compared(old, new, thresholds, prices, seen, accepts=accepts)
    if not found.fails:
        return ""
    return found.message(f" in {store.path(seen.nodeid)}" if store else "", seen.nodeid if store else "")


def _committed(nodeid: str) -> Committed | None:
    """Those of the project that has the test, which is looked for from this folder upwards."""
    module = nodeid.partition("::")[0]
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if module and (folder / module).is_file()), None)
    return Committed(root=root) if root else None
