"""A profile beside its baseline, without pytest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_agentperf.judge.baselines import Baselines, Tree
from pytest_agentperf.judge.causes import explain, luck, why
from pytest_agentperf.judge.gate import Thresholds, compare, describe, priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.price.cost import OwnPrice

_REASONS = 3


def regression(
    seen: Profile,
    base: Profile | None,
    thresholds: Thresholds,
    own_prices: Mapping[str, OwnPrice] | None = None,
    committed: tuple[Path, str] | None = None,
) -> str:
    """What is worse than in another profile (None: than in the committed baseline), and why; empty where nothing is.

    `committed`: root and name of the folders of the baselines; None: they are looked for from this folder upwards.
    """
    prices = own_prices or {}
    store = None if base else Baselines(Tree(committed[0]), committed[1]) if committed else _committed(seen.nodeid)
    old = skeleton(base) if base else store.profile(seen.nodeid) if store else None
    if old is None:
        return ""
    old, new = priced(old, prices), priced(skeleton(seen), prices)
    steps = explain(old, new, prices, seen)
    changes = compare(old, new, thresholds, luck=luck(steps))
    worse = [change.metric for change in changes if change.verdict.fails]
    if not worse:
        return ""
    shown = f" in {store.path(seen.nodeid)}" if store else ""
    return describe(changes, shown, seen.nodeid if store else "", why(steps, worse)[:_REASONS])


def _committed(nodeid: str) -> Baselines | None:
    """The baselines of the project, which is looked for from this folder upwards."""
    module = nodeid.partition("::")[0]
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if module and (folder / module).is_file()), None)
    return Baselines(Tree(root)) if root else None
