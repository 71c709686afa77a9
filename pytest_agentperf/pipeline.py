"""The walk from what was seen to what it means: record -> decode -> **price -> analyze** -> judge -> report.

Exchanges are decoded while they are recorded, for budgets and live numbers need them at once; this page does the rest
up to the `Profile`, and no room calls the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_agentperf.analyze.rules.table import examined
from pytest_agentperf.analyze.turns import number_turns
from pytest_agentperf.decode.refused import Read, Refused, read
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.miss import Miss
from pytest_agentperf.model.profile import Profile, Thresholds
from pytest_agentperf.model.recording import Reading, Recording
from pytest_agentperf.model.signal import Signals
from pytest_agentperf.model.usage import Usage
from pytest_agentperf.price.cost import OwnPrice, price
from pytest_agentperf.price.tokens import estimate


def profile(
    recording: Recording,
    *,
    nodeid: str = "",
    priced: bool = True,
    own_prices: Mapping[str, OwnPrice] | None = None,
    estimates_judge: bool = False,
    thresholds: Thresholds = Thresholds(),  # noqa: B008 - it is frozen
    examine: bool = True,
) -> Profile:
    """The profile of a test that is over, or so far.

    `priced=False` leaves the calls without a cost, which spares loading the price table where nobody asks for money;
    `examine=False` leaves out what rules find, for numbers that are read again and again.
    """
    threads, tasks = _numbers_of_threads(recording), _numbers_of_tasks(recording)
    seen = Profile(
        nodeid=nodeid,
        clock=recording.clock,
        latency_ns=recording.latency_ns,
        cpu_ns=recording.cpu_ns,
        peak_memory=recording.peak_memory,
        calls=number_turns(
            replace(call, thread=threads[call.thread], cost=price(call, own_prices or {}) if priced else None)
            for call in map(_counted, recording.readings)
        ),
        spans=tuple(replace(span, thread=threads[span.thread], task=tasks.get(span.task)) for span in recording.spans),
        signals=_numbered(recording.signals, threads, tasks) if recording.signals else None,
        gauges=recording.gauges,
        estimates_judge=estimates_judge,
        thresholds=thresholds,
        unmodelled=recording.unmodelled,
        notes=recording.notes,
    )
    return examined(seen) if examine else seen


def miss(refused: Refused, own_prices: Mapping[str, OwnPrice] | None = None) -> Miss | None:
    """A request that was not recorded, with what its answer would be billed; None where it is no LLM call."""
    found = read(refused)
    if found is None:
        return None
    if not isinstance(found, Read):
        asked = replace(found.call, usage=estimate(found))
        return Miss(asked=replace(asked, cost=price(asked, own_prices or {})), agent=refused.agent)
    nearest = _counted(found.nearest)
    nearest = replace(nearest, cost=price(nearest, own_prices or {}))
    usage = nearest.usage or Usage(input=0, output=0)
    grown = (estimate(found.asked).input or 0) - (estimate(found.then).input or 0)
    usage = replace(usage, input=max(0, (usage.input or 0) + grown), cache_read=found.cached(), estimated=True)
    asked = replace(found.asked.call, usage=usage)
    if _same_model(found):
        asked = replace(asked, model=nearest.model)
    asked = replace(asked, cost=price(asked, own_prices or {}))
    return Miss(asked=asked, nearest=nearest, extra=refused.extra, agent=refused.agent)


def _same_model(found: Read) -> bool:
    """An answer names its model more exactly than a request does."""
    return found.asked.call.requested_model == found.nearest.call.requested_model


def _counted(reading: Reading) -> ModelCall:
    """The call, its tokens estimated where it was answered and the wire does not say them."""
    call = reading.call
    if call.usage is not None or call.error is not None or call.status is None:
        return call
    return replace(call, usage=estimate(reading))


def _numbers_of_threads(recording: Recording) -> dict[int, int]:
    """The system's identifiers to 1, 2, ... in the order of their first work, the same in every run."""
    work = [(reading.call.start_ns, reading.call.thread) for reading in recording.readings]
    work += [(span.start_ns, span.thread) for span in recording.spans]
    waits = recording.signals.lock_waits if recording.signals else ()
    idents = [ident for _, ident in sorted(work)] + [wait.thread for wait in waits]
    return {ident: number for number, ident in enumerate(dict.fromkeys(idents), 1)}


def _numbers_of_tasks(recording: Recording) -> dict[int | None, int]:
    """The same for tasks."""
    tasks = (span.task for span in recording.spans if span.task is not None)
    return {task: number for number, task in enumerate(dict.fromkeys(tasks), 1)}


def _numbered(seen: Signals, threads: Mapping[int, int], tasks: Mapping[int | None, int]) -> Signals:
    """Of threads and tasks without a span or a call of their own nobody needs to know more."""
    return replace(
        seen,
        blocks=tuple(replace(b, thread=threads.get(b.thread, 0), task=tasks.get(b.task)) for b in seen.blocks),
        lock_waits=tuple(replace(w, thread=threads.get(w.thread, 0), task=tasks.get(w.task)) for w in seen.lock_waits),
    )
