"""Where taps, the recorder and the cassette meet. Taps call this; the cassette sits in `route`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from pytest_agentperf.model.cassette import CassetteUse
from pytest_agentperf.model.exchange import Origin, Request, Response, Timing
from pytest_agentperf.record.pending import Pending
from pytest_agentperf.record.recorder import Recorder, active
from pytest_agentperf.record.replay import Answer

if TYPE_CHECKING:
    from pytest_agentperf.record.closed import Door


class Player(Protocol):
    """An open cassette."""

    @property
    def door(self) -> Door | None:
        """What may leave past it; None: all."""

    def peek(self, request: Request) -> Response | None:
        """What `answer` would give, if it is in the cassette; it stays there."""

    def answer(self, pending: Pending) -> Answer | None:
        """The recorded answer; None: ask the network, and tell `pending.done` if it wants to keep what comes.

        Sets `pending.origin`. Raises a Stop where there is no answer and the network is closed.
        """

    def bookmark(self) -> Callable[[], None]:
        """What to call to play on from here again."""

    def recorded_at(self) -> float | None:
        """When the first answer came that states a date, in s since 1970."""


class Opened(Protocol):
    """A cassette of a test, open or closed by now."""

    closed: bool

    def use(self) -> CassetteUse:
        """What was asked of it so far; its path absolute."""


class Route:
    """The cassette that requests go to: the innermost open one. vcrpy's own patcher sets and restores it."""

    player: Player | None = None


route = Route()

_opened: list[Opened] = []
_watching: list[list[Opened]] = []


def opened(cassette: Opened) -> None:
    """A cassette is open."""
    _opened[:] = [*(other for other in _opened if not other.closed), cassette]
    if _watching:
        _watching[-1].append(cassette)


@contextmanager
def cassettes_opened() -> Iterator[list[Opened]]:
    """The cassettes that are open, and then those that are opened in this block."""
    found = [cassette for cassette in _opened if not cassette.closed]
    _watching.append(found)
    try:
        yield found
    finally:
        _watching[:] = [other for other in _watching if other is not found]


_inside: ContextVar[bool] = ContextVar("agentperf_inside", default=False)


def is_inside() -> bool:
    """Whether a tap does what it stands around."""
    return _inside.get()


def wanted() -> bool:
    """Whether anybody watches, and this request is not the inner half of one that a tap sees already."""
    return (route.player is not None or active() is not None) and not _inside.get()


@contextmanager
def inside() -> Iterator[None]:
    """Around the real thing. A tap may stand twice in its way, for others wrap the same function in between."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def start(request: Request) -> tuple[Pending, Answer | None]:
    """A request is about to leave: its answer from the cassette, or None where the network is to answer.

    Raises a Stop: over budget, or not in the cassette.
    """
    recorder, player = active(), route.player
    pending = _begin(recorder, request, player.peek if player else None) if recorder else Pending(request)
    if player is None:
        return pending, None
    with pending:
        answer = player.answer(pending)
    if answer is None:
        return pending, None
    pending.timing = answer.timing
    pending.end_known = answer.end_ns is not None
    pending.hidden = answer.hidden
    pending.connection = answer.connection
    return pending, answer


_making: ContextVar[Pending | None] = ContextVar("agentperf_making", default=None)
"""The innermost answer that is made in this process right now."""


def looking_on() -> bool:
    """Whether a recorder watches, and this request is not the inner half of one that it has seen."""
    return active() is not None and not _inside.get()


@contextmanager
def mocked(request: Request) -> Iterator[Pending]:
    """Around what answers a request inside of this process. Raises a Stop: over budget."""
    recorder = active()
    pending = _begin(recorder, request) if recorder else Pending(request)
    pending.origin = Origin.MOCKED
    token = _making.set(pending)
    try:
        with pending:
            yield pending
    finally:
        _making.reset(token)


def _begin(recorder: Recorder, request: Request, peek: Callable[[Request], Response | None] | None = None) -> Pending:
    outer = _making.get()
    if outer is not None:
        recorder.not_sent(outer)
    return recorder.begin(request, peek)


class Script:
    """The pace of a replayed answer: how long to wait for a part of it, and when it counts as come.

    The times that were recorded are what counts, not when this machine woke up: replays do not differ.
    """

    def __init__(self, pending: Pending, answer: Answer, patience: float | None) -> None:
        """`patience`: seconds that the client lets one read last; None: for ever."""
        self._pending = pending
        self._answer = answer
        self._patience = patience

    def at(self, offset_ns: int | None) -> int | None:
        """The time of a part, or None where only the clock tells it."""
        if offset_ns is None or self._answer.timing is Timing.UNKNOWN:
            return None
        return self._pending.start_ns + offset_ns

    def left(self) -> int | None:
        """The time when a client left that closes the answer now: when it had all of it, else what the clock tells."""
        whole = self._answer.pieces and len(self._pending.body) == len(self._answer.body)
        return self.at(self._answer.pieces[-1][0]) if whole else None

    def pause(self, offset_ns: int | None) -> tuple[float, bool]:
        """Seconds until a part comes, and whether the client's patience ends first (then: the seconds until that)."""
        at = self.at(offset_ns)
        seconds = 0.0 if at is None else max(0, at - time.monotonic_ns()) / 1e9
        if self._patience is not None and seconds > self._patience:
            return self._patience, True
        return seconds, False
