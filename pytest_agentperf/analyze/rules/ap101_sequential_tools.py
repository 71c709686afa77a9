"""Tools that the model asked for in one turn ran one after another. What is asked for in one turn is independent by the
protocol: the model saw no result before it asked for the next. So the turn could have taken as long as its longest tool
instead of all of them together. The loss that is told (the time of all less the longest) is an upper bound: state that the
tools share is not checked, and where they seem to write one path or to talk to one shell, it is a hint and not a proof.

The causes are told apart by thread, task and what the program did meanwhile. *loop*: one thread and one task, a `for` over
the calls. *blocking*: `asyncio.gather` over `async def` tools that never await, so that each holds the event loop until it
is done. *limit*: they were started at once, and a lock or a semaphore of one made them wait for each other.
*interpreter*: threads that compute, which take turns at the interpreter. A limit of two or more is taken for meant.

*loop*: `asyncio.gather`, a thread pool, or your framework's switch. *blocking*: await an async client, or
`asyncio.to_thread`. *limit*: a wider limit, or a lock that is held for a shorter time. *interpreter*: processes, or less to
compute. Tools that must not run at once belong into `no_sequential_tools(allow=["bash"])`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from pytest_agentperf.analyze.batches import Batch, batches
from pytest_agentperf.analyze.rules.rule import Rule, milliseconds
from pytest_agentperf.analyze.shared_state import shared_state
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.signal import LockWait, Signals
from pytest_agentperf.model.span import Span
from pytest_agentperf.model.stretch import Stretch, length, most_at_once, without

CAUSES = {
    "loop": ("a loop, in one task", "run them at once: asyncio.gather, a thread pool, or the framework's own switch"),
    "blocking": (
        "async tools that block the event loop",
        "let them await: an async client, or asyncio.to_thread around what blocks",
    ),
    "limit": ("they wait for each other at a lock or a limit of one", "widen the limit, or hold the lock more briefly"),
    "interpreter": ("threads that compute take turns at the interpreter", "use processes, or compute less"),
}
"""What each cause is, and what to do about it."""
_OVERLAP = 1.15
"""Up to this ratio of their sum to their union, times count as one after another: threads hand over late."""
_LEAST_SHARE = 0.2
"""Of the longest: a smaller loss is not worth a change of the program."""
_LEAST_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Verdict:
    took_ns: int
    longest_ns: int
    cause: str
    partly: bool = False

    @property
    def lost_ns(self) -> int:
        return self.took_ns - self.longest_ns


def find(profile: Profile) -> Iterator[Finding]:
    if profile.clock is ClockKind.INSTANT:
        return
    found = batches(profile)
    for batch in found:
        if len(batch.executions) > 1:
            verdict = _judged(batch, profile.signals)
        elif batch.window is not None and not batch.executions:
            verdict = _by_windows(batch, found)
        else:
            continue
        if verdict is not None and verdict.lost_ns >= max(_LEAST_NS, _LEAST_SHARE * verdict.longest_ns):
            yield _finding(batch, verdict)


def _judged(batch: Batch, signals: Signals | None) -> _Verdict | None:
    working = [_working(span, signals or Signals()) for span in batch.spans]
    took = length(stretch for stretches in working for stretch in stretches)
    each = [length(stretches) for stretches in working]
    if not took:
        return None
    if sum(each) <= _OVERLAP * took:
        return _Verdict(took, max(each), _cause(batch, working, signals))
    if _some_alone(working):
        return _Verdict(took, max(each), "loop", partly=True)
    if signals is not None and _held_up(batch.spans, signals):
        return _Verdict(took, max(each), "blocking", partly=True)
    return _computing(batch.spans)


def _working(span: Span, signals: Signals) -> list[Stretch]:
    """When it ran: without waits for locks, nor the time in which another task held its event loop."""
    holes = [(wait.start_ns, wait.end_ns) for wait in _waits(span, signals)]
    if span.task is not None:
        others = (b for b in signals.blocks if b.thread == span.thread and b.task != span.task)
        holes += [(block.start_ns, block.end_ns) for block in others]
    return without([(span.start_ns, span.end_ns)], holes)


def _waits(span: Span, signals: Signals) -> list[LockWait]:
    """For locks, where it began, else in the one thread that it was handed to. Where several work for it, one may wait."""
    home = span.thread, span.task
    waits: dict[tuple[int, int | None], list[LockWait]] = {home: []}
    for wait in signals.lock_waits:
        lane = wait.thread, wait.task
        if lane == home or (wait.call, wait.call_id) == (span.call, span.call_id):
            waits.setdefault(lane, []).append(wait)
    here, *elsewhere = waits.values()
    return elsewhere[0] if len(elsewhere) == 1 and not here else here


def _cause(batch: Batch, working: list[list[Stretch]], signals: Signals | None) -> str:
    spans = batch.spans
    tasks = {span.task for span in spans}
    begin, end = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    took = length(stretch for stretches in working for stretch in stretches)
    if signals is None:
        return "blocking" if len(tasks) > 1 and len({span.thread for span in spans}) == 1 else "loop"

    def share(seen: Iterator[Stretch]) -> float:
        return length((max(a, begin), min(b, end)) for a, b in seen if max(a, begin) < min(b, end)) / took

    if share((wait.start_ns, wait.end_ns) for wait in signals.lock_waits) > 1 / 4:
        return "limit"
    if (
        len(tasks) > 1
        and share((block.start_ns, block.end_ns) for block in signals.blocks if block.task in tasks) > 1 / 2
    ):
        return "blocking"
    return "loop"


def _some_alone(working: list[list[Stretch]]) -> bool:
    """Whether one ran while none of the others did, and not as the last.

    A limit of two lets two run as long as there are two; only the last one may be alone.
    """
    last = max(range(len(working)), key=lambda at: max((end for _, end in working[at]), default=0))
    for at, mine in enumerate(working):
        others = [stretch for place, stretches in enumerate(working) if place != at for stretch in stretches]
        if at != last and mine and length(without(mine, others)) * _OVERLAP >= length(mine):
            return most_at_once(others) > 1
    return False


def _held_up(spans: tuple[Span, ...], signals: Signals) -> bool:
    """Whether one could begin only when another one let go of the event loop."""
    blocks = {(block.thread, block.task, block.end_ns) for block in signals.blocks if block.task is not None}
    return any(
        thread == span.thread and other.task == task != span.task and 0 <= span.start_ns - end_ns < _LEAST_NS
        for thread, task, end_ns in blocks
        for span in spans
        for other in spans
    )


def _computing(spans: tuple[Span, ...]) -> _Verdict | None:
    """Threads of one interpreter: their spans overlap, yet their CPU time fills the time one by one."""
    cpu = [span.cpu_ns for span in spans if span.cpu_ns is not None]
    took = length((span.start_ns, span.end_ns) for span in spans)
    if len(cpu) < len(spans) or not took or not 1 / _OVERLAP <= sum(cpu) / took <= _OVERLAP:
        return None
    return _Verdict(took, max(cpu), "interpreter")


def _by_windows(batch: Batch, all_batches: tuple[Batch, ...]) -> _Verdict | None:
    """Without spans: the time between answer and results is what the same tools took when they were asked for alone."""
    alone: dict[str, list[int]] = {}
    for other in all_batches:
        if other.window is not None and len(other.call.tool_calls) == 1:
            alone.setdefault(other.call.tool_calls[0].name, []).append(other.window.end_ns - other.window.start_ns)
    names = [asked.name for asked in batch.call.tool_calls]
    if batch.window is None or len(names) < 2 or not alone.keys() >= set(names):
        return None
    took = batch.window.end_ns - batch.window.start_ns
    usual = [median(alone[name]) for name in names]
    if not 1 / _OVERLAP <= took / max(1, sum(usual)) <= _OVERLAP:
        return None
    return _Verdict(took, round(max(usual)), "")


def _finding(batch: Batch, verdict: _Verdict) -> Finding:
    asked = batch.executed or batch.call.tool_calls
    shared = shared_state(asked)
    names = ", ".join(call.name for call in asked)
    how = "partly one after another" if verdict.partly else "one after another"
    cause, fix = CAUSES.get(verdict.cause, ("seen from outside only", CAUSES["loop"][1]))
    doubt = f"perhaps with reason: {shared}" if shared else "independent by protocol, shared state not checked"
    return RULE.finding(
        f"{len(asked)} tools of one turn ran {how} ({names}): {milliseconds(verdict.took_ns)}, at once at best "
        f"{milliseconds(verdict.longest_ns)}, so up to {milliseconds(verdict.lost_ns)} lost; {cause}; {doubt}",
        fix=fix,
        cause=verdict.cause,
        lost_ms=verdict.lost_ns / 1e6,
        calls=(batch.call.index,),
        spans=tuple(span.id for span in batch.spans),
        tools=tuple(dict.fromkeys(call.name for call in asked)),
        gating=not shared and bool(verdict.cause),
    )


RULE = Rule(code="AP101", name="sequential-tools", headline="tools of one turn that ran one after another", find=find)
