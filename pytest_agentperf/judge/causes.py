"""From many numbers that changed to the few reasons why.

The baseline's trace is made into the run's, one edit after the other, and weighed after each: what an edit adds is the
difference, so the shares of all edits add up to the whole change exactly. Edits of one kind and key, in whichever tests,
are one cause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from statistics import fmean
from typing import Any

from pytest_agentperf.judge import misses, unseen
from pytest_agentperf.judge.kinds.table import KINDS, LUCK, prepare
from pytest_agentperf.judge.trace import Trace
from pytest_agentperf.model.change import Cause, Edit, Hit, Share, Step
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.metric import METRICS, format_amount
from pytest_agentperf.model.number import Number, format_value
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import TestRun
from pytest_agentperf.price.cost import OwnPrice

_ORDER = ("cost", "latency", "tokens", "llm_calls", "input_tokens", "output_tokens", "cache_read_tokens")
"""Of shares in a sentence, costliest first."""
_TOLD = 3
_FRAME_BYTES = 32
"""A call: commas, and digits of the token counts that an answer states."""


def causes(tests: Iterable[TestRun]) -> tuple[Cause, ...]:
    """Why tests differ from their baselines; then what those of this tree have accepted since the merge base."""
    tests = list(tests)
    found = _grouped((test, test.steps or misses.steps(test.profile.misses)) for test in tests if _ended(test))
    accepted = _grouped((test, test.accepted) for test in tests)
    return (*found, *(replace(cause, accepted=True, gating=False) for cause in accepted))


def _ended(test: TestRun) -> bool:
    """Whether its numbers are those of a whole run, or it is told why there is none."""
    return _failed(test) or test.outcome in ("passed", "xpassed")


def explain(
    base: Profile, head: Profile, own_prices: Mapping[str, OwnPrice], seen: Profile | None = None
) -> tuple[Step, ...]:
    """Why a test changed; both sides are priced skeletons. For each metric the shares add up to its change.

    `seen`: the run, with all that its skeleton does not keep.
    """
    trace = Trace(base, head, own_prices)
    prepare(trace)
    steps: list[Step] = []
    before = trace.initial
    for kind in KINDS.values():
        for edit in kind.find(trace):
            now = trace.numbers()
            if shares := _shares(_difference(before, now)):
                steps.append(Step(edit=unseen.explained(edit, seen or head), shares=shares))
            before = now
    return _with_rest(steps, _difference(before, trace.final), len(head.calls))


def _with_rest(steps: Sequence[Step], rest: Mapping[str, Any], calls: int) -> tuple[Step, ...]:
    """A few bytes that no edit explains, between the parts of a request or in the numbers of an answer, go with the weightiest."""
    if not rest:
        return tuple(steps)
    few = rest.keys() <= {"request_bytes", "response_bytes"} and max(map(abs, rest.values())) <= _FRAME_BYTES * calls
    if not (steps and few):
        return (*steps, Step(edit=Edit(kind="other", key=(), what="something else changed"), shares=_shares(rest)))
    main = max(steps, key=lambda step: max(map(_size, step.amounts.items())))
    amounts = main.amounts | {name: main.amounts.get(name, 0) + amount for name, amount in rest.items()}
    whole = replace(main, shares=_shares({name: amount for name, amount in amounts.items() if amount}))
    return tuple(whole if step is main else step for step in steps)


def _difference(before: Mapping[str, Number], after: Mapping[str, Number]) -> dict[str, Number]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}  # type: ignore[operator]


def luck(steps: Sequence[Step]) -> dict[str, Number]:
    """By metric, what changed by another recording's luck alone."""
    amounts: defaultdict[str, Number] = defaultdict(int)
    for step in steps:
        if step.edit.kind in LUCK:
            for name, amount in step.amounts.items():
                amounts[name] += amount  # type: ignore[operator]
    return amounts


def why(steps: Sequence[Step], metrics: Iterable[str]) -> list[str]:
    """For one test: what made these metrics worse, one sentence a cause, the largest first; luck last, which fails nothing."""
    wanted = list(metrics)
    told = []
    for step in steps:
        shares = {name: amount for name, amount in step.amounts.items() if name in wanted}
        if shares:
            weight = (step.edit.kind in LUCK, -max(map(_size, shares.items())))
            told.append((weight, f"{headline([step.edit])} ({_amounts(shares)})"))
    return [text for _, text in sorted(told, key=itemgetter(0))]


_Found = Sequence[tuple[TestRun, Step]]


def _grouped(tests: Iterable[tuple[TestRun, Sequence[Step]]]) -> tuple[Cause, ...]:
    """One cause for each kind and key: those that failed a test first, then the costliest."""
    found: defaultdict[tuple[str, ...], list[tuple[TestRun, Step]]] = defaultdict(list)
    for test, step in unseen.by_fewest_tools([(test, step) for test, steps in tests for step in steps]):
        found[step.edit.kind, *step.edit.key].append((test, step))
    told = [_cause(key, hits) for key, hits in found.items()]
    return tuple(sorted(told, key=lambda cause: (not cause.gating, *_weight(cause), cause.key)))


def _cause(key: tuple[str, ...], found: _Found) -> Cause:
    totals: defaultdict[str, Number] = defaultdict(int)
    for _, step in found:
        for name, amount in step.amounts.items():
            totals[name] += amount  # type: ignore[operator]
    shares = {name: totals[name] for name in _sorted(totals) if METRICS[name].adds_up}
    ranked = sorted(
        found, key=lambda pair: (-max(map(_size, pair[1].amounts.items()), default=0), pair[0].profile.nodeid)
    )
    edits = [step.edit for _, step in ranked]
    better = key[0] != "miss" and bool(shares) and not any(_worse(name, shares) for name in shares)
    number = len({test.profile.nodeid for test, _ in found})
    tests = f"{number:,} test{'' if number == 1 else 's'}"
    amounts = _amounts({name: amount for name, amount in shares.items() if amount})
    failed = any(_failed(test) and test.outcome != "xfailed" for test, _ in found)
    return Cause(
        kind=key[0],
        key="|".join(key),
        sentence=f"{headline(edits)} ({tests}{', ' if amounts else ''}{amounts})",
        shares=_shares(shares),
        hits=tuple(_hit(test, step) for test, step in ranked),
        smallest=min((test.profile for test, _ in found), key=lambda seen: (len(seen.calls), seen.nodeid)).nodeid,
        where=ranked[0][0].where,
        gating=not better and key[0] not in LUCK and failed,
        better=better,
    )


def _hit(test: TestRun, step: Step) -> Hit:
    calls = test.profile.calls
    return Hit(nodeid=test.profile.nodeid, shares=step.shares, calls=tuple(calls[at].index for at in step.edit.calls))


def _failed(test: TestRun) -> bool:
    return bool(test.profile.misses) or any(change.verdict.fails for change in test.changes)


def _worse(name: str, shares: Mapping[str, Number]) -> bool:
    metric, amount = METRICS[name], shares[name]
    if metric.part_of and shares.get(metric.part_of, 0) <= amount:
        return False
    return metric.slack is not None and (amount < 0 if metric.better == "higher" else amount > 0)


def headline(edits: Sequence[Edit]) -> str:
    """`system prompt of planner grew by 300 tokens`.

    Agents are named where each edit has one: else it would read as if the others had nothing to do with it. The amount is
    the mean, which says the same as the sum: more where that is more.
    """
    first = edits[0]
    agents = _several(edit.agents for edit in edits) if all(edit.agents for edit in edits) else ""
    what = first.what.replace("{of}", f" of {agents}" if agents else "")
    what = what.replace("{tools}", _several(edit.tools for edit in edits))
    each = [amount for edit in edits for amount in edit.each]
    usual = round(fmean(each)) if each else 0
    if first.kind == "miss":
        about = f": about {format_amount('input_tokens', usual)} a call" if each else ""
        return what.replace("{each}", about)
    if not each:
        return what
    if not usual:
        return f"{what} changed"
    kind, about = KINDS[first.kind], "" if min(each) == max(each) else "about "
    amount = format_value(abs(usual), first.unit)
    return f"{what} {kind.more if usual > 0 else kind.less} {about}{amount}"


def _several(names: Iterable[Iterable[str]]) -> str:
    """`planner, coder, support and 2 more`."""
    found = list(dict.fromkeys(chain.from_iterable(names)))
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return ", ".join(found[:_TOLD]) + more


def _shares(amounts: Mapping[str, Number]) -> tuple[Share, ...]:
    """Costliest metric first."""
    return tuple(Share(metric=name, amount=amounts[name], unit=METRICS[name].unit) for name in _sorted(amounts))


def _amounts(shares: Mapping[str, Number]) -> str:
    """The weightiest, none that another one says as well; bytes, which nobody pays for, where there is nothing else."""
    twice = {name for name, others in _SAID_BY.items() if shares.get(name) in map(shares.get, others)}
    told = [name for name in _sorted(shares.keys() - twice) if _size((name, shares[name]))] or _sorted(shares)
    return ", ".join([format_amount(name, shares[name]) for name in told[:_TOLD]])


_SAID_BY = {"tokens": ("input_tokens", "output_tokens"), "llm_time": ("latency",)}


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=_RANK.__getitem__)


_RANK = {name: at for at, name in enumerate(dict.fromkeys((*_ORDER, *METRICS)))}


def _size(share: tuple[str, Number]) -> float:
    """How much an amount weighs beside others: a cent as much as ten seconds or a thousand tokens."""
    name, amount = share
    worth = {"USD": 100.0, "ms": 0.0001, "tokens": 0.001, "calls": 0.1, "turns": 0.1, "bytes": 0.0}
    return abs(float(amount)) * worth[METRICS[name].unit]


def _weight(cause: Cause) -> tuple[float, float]:
    amounts = {share.metric: float(share.amount) for share in cause.shares}
    return -abs(amounts.get("cost", 0.0)), -abs(amounts.get("latency", 0.0))
