"""What the last recordings of tests cost: to be known before they are made anew. Loaded only then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from pytest_agentperf.inspection import inspect
from pytest_agentperf.judge.baseline_file import BadBaseline
from pytest_agentperf.judge.baselines import Baselines
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.number import format_value
from pytest_agentperf.price.cost import OwnPrice
from pytest_agentperf.record.file_formats import Damage
from pytest_agentperf.vcr_marker import default_cassette


def last_cost(nodeids: Iterable[str], root: Path, baselines: Baselines) -> str:
    """A sentence; empty where nobody knows it of any of these tests.

    A test's baseline says what it cost then. Where there is none the cassette with the test's name is priced as of today.
    """
    found = [cost for nodeid in nodeids if (cost := _cost(nodeid, root, baselines)) is not None]
    if not found:
        return ""
    return f"the last recordings of {len(found):,} of these tests cost {format_value(sum(found, Decimal(0)), 'USD')}"


def _cost(nodeid: str, root: Path, baselines: Baselines) -> Decimal | None:
    """In US dollars."""
    try:
        known = baselines.cost(nodeid)
    except BadBaseline:
        known = None
    return known if known is not None else _price(root / default_cassette(nodeid), baselines.own_prices)


def _price(cassette: Path, own_prices: Mapping[str, OwnPrice]) -> Decimal | None:
    try:
        seen = inspect(cassette, own_prices=own_prices)
    except (OSError, Damage):
        return None
    cost = METRICS["cost"].read(seen).value if seen.calls else None
    return None if cost is None else Decimal(cost)
