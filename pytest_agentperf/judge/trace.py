"""A run that is on its way from its baseline to what it is now, one edit after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pytest_agentperf.judge.align import Step, align
from pytest_agentperf.judge.skeleton import agents
from pytest_agentperf.judge.timeline import Part, Timeline, Work, timeline
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.number import Number
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Usage
from pytest_agentperf.price.cost import OwnPrice, price

PartOfPrompt = tuple[str, str]
"""`("system", "")`, `("tools", "")`, `("result", <tool>)`, `("talk", "")`."""


@dataclass(slots=True)
class Slot:
    """A call of the baseline, of the run, or of both. Positions count in the skeletons."""

    base: ModelCall | None
    head: ModelCall | None
    agent: str
    call: ModelCall
    """As it stands now."""
    present: bool
    tokens: dict[PartOfPrompt, int] = field(default_factory=dict)
    """What each part of the prompt that changed adds to the input."""
    sizes: dict[PartOfPrompt, int] = field(default_factory=dict)
    """What it adds to the bytes of the request."""
    cached: dict[PartOfPrompt, tuple[int, int]] = field(default_factory=dict)
    """What it adds to the cache reads and writes."""

    @property
    def matched(self) -> bool:
        return self.base is not None and self.head is not None

    def use(self, **changes: int | None) -> None:
        """Change numbers of its usage."""
        self.call = replace(self.call, usage=replace(self.call.usage or Usage(), **changes))

    def add(self, **more: int) -> None:
        """Add to numbers of its usage that are known; nothing that is 0 already stays unsaid."""
        usage = self.call.usage or Usage()
        self.use(**{name: (getattr(usage, name) or 0) + amount for name, amount in more.items() if amount})


@dataclass(slots=True)
class Tool:
    base: Span | None
    head: Span | None
    slot: int
    """Of the call that asked for it; -1: none did."""
    took_ns: int
    """0: it does not run."""

    @property
    def span(self) -> Span:
        """One that holds other parts, which the timeline leaves out, starts where it did."""
        return self.base or self.head  # type: ignore[return-value]

    @property
    def name(self) -> str:
        return self.span.name


class Trace:
    """`base` and `head` are priced skeletons of one test."""

    def __init__(self, base: Profile, head: Profile, own_prices: Mapping[str, OwnPrice]) -> None:
        self.base, self.head, self._own_prices = base, head, own_prices
        ours, theirs = ([*zip(agents(side), side.calls, strict=True)] for side in (base, head))
        self.slots = _slots(ours, theirs, align(ours, theirs))
        before = {slot.base.index: at for at, slot in enumerate(self.slots) if slot.base}
        after = {slot.head.index: at for at, slot in enumerate(self.slots) if slot.head}
        self.tools, old, new = _tools(base, head, before, after)
        self.line = _relabelled(timeline(base), before, old)
        self.goal = _relabelled(timeline(head), after, new)
        timed = base.clock is head.clock
        names = [name for name, metric in METRICS.items() if metric.exact and (timed or not metric.timed)]
        was, now = ({name: METRICS[name].read(side).value for name in names} for side in (base, head))
        self.metrics = [name for name in names if was[name] is not None and now[name] is not None]
        self.initial = {name: _number(was[name]) for name in self.metrics}
        self.final = {name: _number(now[name]) for name in self.metrics}

    def numbers(self) -> dict[str, Number]:
        """Of the run as it stands."""
        seen = self.profile()
        return {name: _number(METRICS[name].read(seen).value) for name in self.metrics}

    def profile(self) -> Profile:
        starts = self.line.starts()
        calls = []
        for at, slot in enumerate(self.slots):
            if slot.present:
                took = self.line.work["call", at].took_ns
                call, start = slot.call, starts["call", at]
                end, cost = None if call.end_ns is None else start + took, price(call, self._own_prices)
                if (call.start_ns, call.end_ns, call.cost) != (start, end, cost):
                    first = None if call.first_byte_ns is None else start + call.first_byte_ns - call.start_ns
                    slot.call = call = replace(call, start_ns=start, first_byte_ns=first, end_ns=end, cost=cost)
                calls.append(call)
        spans = []
        for number, tool in enumerate(self.tools):
            if tool.took_ns:
                span, at_ns = tool.span, starts.get(("tool", number), tool.span.start_ns)
                if (span.start_ns, span.end_ns) != (at_ns, at_ns + tool.took_ns):
                    span = replace(span, start_ns=at_ns, end_ns=at_ns + tool.took_ns)
                spans.append(span)
        return Profile(
            nodeid=self.head.nodeid,
            clock=self.head.clock,
            latency_ns=self.line.latency_ns(starts),
            calls=tuple(calls),
            spans=tuple(spans),
        )

    def set_work(self, part: Part, **changes: object) -> None:
        if part in self.line.work:
            self.line.work[part] = replace(self.line.work[part], **changes)

    def add_work(self, parts: Iterable[Part]) -> None:
        """Parts of the run come in; what waits for them there waits for them here, and as long."""
        new = {part: self.goal.work[part] for part in parts if part in self.goal.work}
        for part, work in list(self.line.work.items()):
            goal = self.goal.work.get(part)
            if goal and (waits := goal.after & new.keys()):
                self.line.work[part] = replace(work, after=work.after | waits, lag_ns=goal.lag_ns)
        self.line.work.update(new)


def _slots(was: Sequence[Step], now: Sequence[Step], pairs: Iterable[tuple[int, int]]) -> list[Slot]:
    """In the order of the run; calls that it no longer makes stand where they were."""
    slots: list[Slot] = []
    done = 0
    paired = {theirs: ours for ours, theirs in pairs}

    def gone(until: int) -> None:
        slots.extend(Slot(call, None, agent, call, present=True) for agent, call in was[done:until])

    for number, (agent, call) in enumerate(now):
        ours = paired.get(number)
        if ours is None:
            slots.append(Slot(None, call, agent, call, present=False))
            continue
        gone(ours)
        done = ours + 1
        _, before = was[ours]
        slots.append(Slot(before, call, agent, before, present=True))
    gone(len(was))
    return slots


def _tools(
    base: Profile, head: Profile, before: Mapping[int, int], after: Mapping[int, int]
) -> tuple[list[Tool], dict[int, int], dict[int, int]]:
    """Tools of both runs, paired by the call that asked for them, their names and their order; and their places by span."""
    tools: list[Tool] = []
    old: dict[int, int] = {}
    free: dict[tuple[int, str], list[int]] = {}
    for span in _executions(base):
        slot = before.get(_asker(base, span), -1)
        old[span.id] = len(tools)
        free.setdefault((slot, span.name), []).append(len(tools))
        tools.append(Tool(span, None, slot, span.end_ns - span.start_ns))
    new: dict[int, int] = {}
    for span in _executions(head):
        slot = after.get(_asker(head, span), -1)
        if same := free.get((slot, span.name)):
            at = same.pop(0)
            tools[at].head = span
        else:
            at = len(tools)
            tools.append(Tool(None, span, slot, 0))
        new[span.id] = at
    return tools, old, new


def _executions(profile: Profile) -> list[Span]:
    return [span for span in profile.spans if span.kind is SpanKind.TOOL]


def _asker(profile: Profile, span: Span) -> int:
    """The call that asked for a tool; where nobody says, the last one that was over when it started."""
    if span.call is not None:
        return span.call
    over = [call for call in profile.calls if call.end_ns is not None and call.end_ns <= span.start_ns]
    return max(over, key=lambda call: call.end_ns or 0).index if over else -1


def _relabelled(line: Timeline, calls: Mapping[int, int], tools: Mapping[int, int]) -> Timeline:
    def label(part: Part) -> Part:
        kind, number = part
        return (kind, calls[number] if kind == "call" else tools[number])

    work = {
        label(part): Work(one.took_ns, one.lag_ns, frozenset(map(label, one.after))) for part, one in line.work.items()
    }
    return Timeline(work, line.tail_ns)


def _number(value: Number | None) -> Number:
    """Exact: sums of binary fractions would not add up."""
    return Decimal(str(value)) if isinstance(value, float) else value or 0
