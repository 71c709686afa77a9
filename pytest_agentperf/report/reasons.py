"""Why numbers are unknown, told once for many tests."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.metric import Measure

_SHARE = re.compile(r"\b(\d+) of (\d+)\b")
_HERE = "\0"


def why_unknown(tests: Iterable[Iterable[tuple[str, Measure]]]) -> Counter[str]:
    """`titles: reason` to the number of tests; a test is given as titles and measures.

    Reasons that differ only in how many calls they speak of (`1 of 3 LLM calls ...`) are one, with those added up.
    """
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for test in tests:
        for reason, share in _of_test(test).items():
            found[reason].append(share)
    return Counter({_told(reason, shares): len(shares) for reason, shares in found.items()})


def _of_test(measures: Iterable[tuple[str, Measure]]) -> dict[str, tuple[int, int]]:
    titles: dict[str, list[str]] = defaultdict(list)
    shares: dict[str, tuple[int, int]] = {}
    for title, measure in measures:
        if measure.value is None:
            why = plain(measure.why)
            share = _SHARE.search(why)
            reason = _SHARE.sub(_HERE, why, count=1)
            titles[reason].append(title)
            shares[reason] = max(shares.get(reason, (0, 0)), (int(share[1]), int(share[2])) if share else (0, 0))
    return {f"{', '.join(names)}: {reason}": shares[reason] for reason, names in titles.items()}


def _told(reason: str, shares: list[tuple[int, int]]) -> str:
    return reason.replace(_HERE, f"{sum(few for few, _ in shares):,} of {sum(many for _, many in shares):,}")
