"""What several sources saw of the same tool runs, as one span for each call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, get_args

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.recording import Reading
from pytest_agentperf.model.span import Confidence, Source, Span, SpanKind
from pytest_agentperf.record.tools.window import call_id, with_windows

_RANK: Mapping[str, int] = {word: rank for words in (Source, Confidence) for rank, word in enumerate(get_args(words))}
"""Of sources and of confidences, best first."""
_ALMOST = 0.8
"""A frame within another of the same call may be the tool proper, where it takes almost as long."""


def tidy(spans: Sequence[Span], readings: Sequence[Reading]) -> tuple[list[Span], list[Reading]]:
    """What a recording tells: one span for each tool call, windows for those that nobody saw, and their sizes."""
    spans, calls = merged(with_windows(spans, [r.call for r in readings]), [r.call for r in readings])
    asked: dict[Any, int] = {
        (call.index, call_id(tool, place)): len(tool.arguments.encode())
        for call in calls
        for place, tool in enumerate(call.tool_calls, 1)
    }
    came = {result.call_id: result.size for call in reversed(calls) for result in call.prompt.results}
    return (
        [
            replace(span, arguments_size=asked.get((span.call, span.call_id)), result_size=came.get(span.call_id))
            if span.kind is SpanKind.TOOL and span.call is not None
            else span
            for span in spans
        ],
        [replace(reading, call=call) for reading, call in zip(readings, calls, strict=True)],
    )


def merged(spans: Sequence[Span], calls: Sequence[ModelCall]) -> tuple[Sequence[Span], Sequence[ModelCall]]:
    """The spans in the order of starts, at most one of a tool for each call; and the calls, which point to them.

    The best source tells when a tool ran; what it does not know is filled in from the others. A run that belongs to no
    call and goes on within another tool's is a part of that one, unless it was marked by hand.
    """
    parents = {span.id: span.parent for span in spans}
    heirs = dict(_parts(spans))
    chosen: dict[int, Span] = {}
    for same in _by_call(spans):
        best = _best(same, parents)
        chosen[best.id] = best
        heirs |= {span.id: best.id for span in same if span.id != best.id}
    kept = sorted((chosen.get(s.id, s) for s in spans if s.id not in heirs), key=attrgetter("start_ns", "id"))
    if len(kept) == len(spans) and all(span.id == number for number, span in enumerate(kept, 1)):
        return kept, calls
    numbers = {span.id: number for number, span in enumerate(kept, 1)}

    def around(place: int | None, inside: int = 0) -> int | None:
        """The number of what stands for this span, or for the next one around it that is not `inside` itself."""
        while place is not None:
            heir: int | None = place
            while heir in heirs:
                heir = heirs[heir]
            if heir != inside:
                return None if heir is None else numbers[heir]
            place = parents[place]
        return None

    return (
        [replace(span, id=numbers[span.id], parent=around(span.parent, span.id)) for span in kept],
        [replace(call, span=around(call.span)) for call in calls],
    )


def _parts(spans: Sequence[Span]) -> Iterator[tuple[int, int | None]]:
    """Runs of no call inside of another tool's, and what is around them."""
    known = {span.id: span for span in spans}
    for span in spans:
        if span.kind is SpanKind.TOOL and span.call is None and span.source != "profiler":
            above = span.parent
            while above is not None and known[above].kind is not SpanKind.TOOL:
                above = known[above].parent
            if above is not None:
                yield span.id, span.parent


def _by_call(spans: Sequence[Span]) -> Iterator[list[Span]]:
    groups: defaultdict[Any, list[Span]] = defaultdict(list)
    for span in spans:
        if span.kind is SpanKind.TOOL and span.call is not None:
            groups[span.call, span.call_id].append(span)
    return (group for group in groups.values() if len(group) > 1)


def _best(same: list[Span], parents: Mapping[int, int | None]) -> Span:
    source = min((span.source for span in same), key=_RANK.__getitem__)
    runs = [span for span in same if span.source == source]
    if source == "seam":  # of one place within another the inner one: around it a framework also waits for its turn
        around = {above for run in runs for above in _upwards(run.parent, parents)}
        runs = [run for run in runs if run.id not in around]
    best = _innermost(runs) if source == "detector" else _first_to_last(runs)
    cpu_ns = next((span.cpu_ns for span in (best, *same) if span.cpu_ns is not None), None)
    return replace(best, cpu_ns=cpu_ns)


def _upwards(span: int | None, parents: Mapping[int, int | None]) -> Iterator[int]:
    while span is not None:
        yield span
        span = parents[span]


def _innermost(runs: list[Span]) -> Span:
    """Of the frames that were given the call's arguments: the longest, or a surer one that takes almost as long."""
    longest = max(_length(run) for run in runs)
    return min(
        (run for run in runs if _length(run) >= _ALMOST * longest),
        key=lambda run: (_RANK[run.confidence], -_length(run)),
    )


def _first_to_last(runs: list[Span]) -> Span:
    """A tool that is tried again runs from its first try to the end of its last."""
    first, last = min(runs, key=attrgetter("start_ns")), max(runs, key=attrgetter("end_ns"))
    return replace(first, end_ns=last.end_ns, error=last.error)


def _length(span: Span) -> int:
    return span.end_ns - span.start_ns
