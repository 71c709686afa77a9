"""An open cassette: what is in the file, what was played of it, and what is recorded now."""

from __future__ import annotations

import copy
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vcr.cassette import Cassette, _run_hooks
from vcr.matchers import requests_match
from vcr.record_mode import RecordMode as VcrMode
from vcr.request import HeadersDict
from vcr.request import Request as VcrRequest

from pytest_agentperf.decode.refused import Refused
from pytest_agentperf.model.cassette import CassetteUse
from pytest_agentperf.model.exchange import Origin, Request, Response
from pytest_agentperf.record import closed, default_latency, redact, replay, timing
from pytest_agentperf.record.file_formats import first_line
from pytest_agentperf.record.include_usage import asking
from pytest_agentperf.record.journal import Left
from pytest_agentperf.record.match import Matching, as_bytes
from pytest_agentperf.record.miss import CassetteMiss, explain, goes_on, nearest
from pytest_agentperf.record.mode import CassetteError
from pytest_agentperf.record.pending import Pending, serials
from pytest_agentperf.record.recorder import Recorder, active
from pytest_agentperf.record.seam import opened, route
from pytest_agentperf.record.stored import exchange
from pytest_agentperf.record.taps.table import loaded


class _Asked(VcrRequest):  # type: ignore[misc]  # vcrpy is not typed
    """A request that a tap saw. vcrpy copies each one for its filters, few of which look at the headers."""

    def __init__(self, request: Request) -> None:
        self._was_file = self._was_iter = False
        self.method, self.uri, self.body = request.method, request.url, request.body
        self._sent = request.headers
        self._headers: HeadersDict | None = None

    @property
    def headers(self) -> HeadersDict:
        if self._headers is None:
            self._headers = HeadersDict(dict(self._sent))
        return self._headers

    @headers.setter
    def headers(self, value: Any) -> None:
        self._headers = value if isinstance(value, HeadersDict) else HeadersDict(value)

    def __deepcopy__(self, memo: object) -> _Asked:
        copy = _Asked.__new__(_Asked)
        copy.__dict__.update(self.__dict__)
        copy._headers = None if self._headers is None else HeadersDict(self._headers)
        return copy


def _redact(request: VcrRequest, *, body: bool = True) -> None:
    """In place. As it is stored, so matchers of the user see it; ours does not look at what is taken out."""
    if body and (clean := redact.clean_body(request.body)) != request.body:
        request.body = clean
    for name in [name for name in request.headers if not redact.keeps(name)]:
        del request.headers[name]
    if (url := redact.clean_url(request.uri)) != request.uri:
        request.uri = url


def _at_any_host(request: VcrRequest) -> VcrRequest:
    """As vcrpy stores one of aiohttp whose session has a `base_url`: with the path alone."""
    parts = urlsplit(request.uri)
    return VcrRequest(request.method, urlunsplit(("", "", *parts[2:])), request.body, {})


def _short(path: str) -> str:
    """Relative to the working directory where it is inside."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _left(left: Sequence[Left]) -> str:
    count = f"{len(left)} exchanges" if len(left) > 1 else "1 exchange"
    pids = " and ".join(dict.fromkeys(f"process {item.pid}" for item in left))
    return f"{count} recovered of a recording that was cut ({pids})"


class Tape(Cassette):  # type: ignore[misc]  # vcrpy is not typed
    """The cassette that taps ask (`seam.Player`), and that vcrpy's stubs for other stacks ask too."""

    def __init__(
        self,
        *args: Any,
        note: str = "",
        allowed_hosts: Iterable[str] = (),
        include_usage: str = "openai",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        taps = [found for found in loaded() if found[0].stubs]  # vcrpy has loaded every library that is installed
        usable = [(tap, module) for tap, module, problem in taps if not problem]
        patches = {
            patch[:2]: patch for tap, module in usable for patch in tap.patches(module)
        }  # one may pose as another
        patches |= {patch[:2]: patch for patch in closed.patches()}
        self.skip_patchers: tuple[str, ...] = (*self.skip_patchers, *(stub for tap, _ in usable for stub in tap.stubs))
        self.custom_patches: tuple[Any, ...] = (*self.custom_patches, (route, "player", self), *patches.values())
        self._notes: tuple[str, ...] = tuple(filter(None, [note, *(problem for _, _, problem in taps)]))
        self._usage_of = include_usage
        self._door = closed.Door(allowed_hosts)
        self._lock = threading.RLock()
        self._index: dict[bytes, list[int]] = {}
        only = next(iter(self._match_on)) if len(self._match_on) == 1 else None
        self._matching = only if isinstance(only, Matching) else None
        """Finds by hash; None: the user's own matchers look at every request."""
        self._watched: set[Pending] = set()
        self._first_ns: int | None = None
        self._starts: list[int] = []
        """Sort keys of what was recorded now, in the order of `data`."""
        self._failure: Exception | None = None
        self._absolute = os.path.abspath(self._path)
        self._loading = False
        self.closed = False

    # -- what taps ask

    @property
    def door(self) -> closed.Door | None:
        return self._door if self.write_protected else None

    def peek(self, request: Request) -> Response | None:
        filtered = self.filter_request(_Asked(request))
        with self._lock:
            number = self._find(filtered) if filtered else None
            if number is None:
                return None
            answer, _ = replay.read(self.data[number][1], request, waits=False)
            return answer.response

    def answer(self, pending: Pending) -> replay.Answer | None:
        recorder = active()
        self._tell(recorder)
        sent = pending.request
        request = _Asked(sent)
        filtered = self.filter_request(request)
        if not filtered:
            return None  # the user's filters leave this one alone; `Door.check` lets it through
        stored = self._take(filtered)
        if stored is not None:
            pending.origin = Origin.REPLAYED
            answer, problem = replay.read(stored, sent, waits=recorder is not None and recorder.replay_waits)
            if problem and recorder is not None:
                recorder.note(f"{self._path}: a recorded timing cannot be read and is left out: {problem}")
            if recorder is not None and recorder.replay_waits and recorder.latency_rules:
                answer = default_latency.timed(answer, sent, recorder.latency_rules)
            return answer
        if self.write_protected:
            if self._door.is_allowed(urlsplit(sent.url).hostname or ""):
                return None
            raise self._miss(filtered, pending)
        pending.origin = Origin.RECORDED
        pending.sends = asking(sent, self._usage_of)
        with self._lock:
            self._watched.add(pending)
            self._first_ns = pending.start_ns if self._first_ns is None else self._first_ns
        pending.done.append(partial(self._keep, request))
        return None

    def use(self) -> CassetteUse:
        with self._lock:
            counted = 0 if self.record_mode == VcrMode.ALL or self.drop_unused_requests else self._persister.own
            played = tuple(n for n in range(counted) if self.play_counts[n])
        return CassetteUse(
            path=self._absolute, recorded=counted, played=played, recorded_at=self.recorded_at() if counted else None
        )

    # -- what vcrpy's stubs ask

    def can_play_response_for(self, request: VcrRequest) -> bool:
        """Raises CassetteMiss where the network is closed: their own error would be retried and caught."""
        self._tell(active())
        filtered = self.filter_request(request)
        if not filtered:
            return False
        if self._find(filtered) is not None:
            return True
        if self.write_protected:
            raise self._miss(filtered, None)
        return False

    def play_response(self, request: VcrRequest) -> dict[str, Any]:
        filtered = self.filter_request(request)
        stored = self._take(filtered)
        if stored is None:
            raise self._miss(filtered, None)
        return stored

    def _tell(self, recorder: Recorder | None) -> None:
        for note in self._notes:
            if recorder is not None:
                recorder.note(note)

    def bookmark(self) -> Callable[[], None]:
        with self._lock:
            played: Counter[int] = Counter(self.play_counts)  # type: ignore[has-type]  # vcrpy is not typed

        def rewind() -> None:
            with self._lock:
                self.play_counts = played.copy()

        return rewind

    def recorded_at(self) -> float | None:
        stated = (
            value
            for _, response in self.data
            for name, values in response["headers"].items()
            if name.lower() == "date"
            for value in ([values] if isinstance(values, str) else values)
        )
        for date in stated:
            with suppress(ValueError):
                return parsedate_to_datetime(date).timestamp()
        return None

    # -- replay

    def _load(self) -> None:
        self._loading = True
        try:
            super()._load()
        except BaseException:
            self._persister.release(keep=True)
            raise
        self._loading = False
        closed.watch()
        opened(self)
        if left := self._persister.left:
            self.dirty = True
            self.rewound = self._persister.begun  # `once` goes on where it was cut
            self._notes += (f"{_short(self._path)}: {_left(left)}",)

    def release(self) -> None:
        """It is closed; others may write the file now."""
        self.closed = True
        self._persister.release()

    def append(self, request: VcrRequest, response: dict[str, Any]) -> None:
        """Called for each interaction that is loaded, and by vcrpy's stubs for each that they recorded."""
        self._append(request, response, next(serials))

    def _append(self, request: VcrRequest, response: dict[str, Any], serial: int) -> None:
        with self._lock:
            before = len(self.data)
            super().append(request, response)
            if len(self.data) == before:
                return
            request, stored = self.data[before]
            _redact(request, body=not (self._loading and self._matching))
            if not self._loading:
                stored["headers"] = redact.keep_headers(stored["headers"])
                stored["body"]["string"] = redact.clean_body(stored["body"]["string"])
                self._starts.append(serial)
                self._survive(serial, *self.data[before])
            if self._matching and (self._loading or self.allow_playback_repeats):
                self._index.setdefault(self._matching.key(request), []).append(before)

    def _take(self, filtered: VcrRequest) -> dict[str, Any] | None:
        """The next answer to a request, now played."""
        with self._lock:
            number = self._find(filtered)
            if number is None:
                return None
            if not self.play_counts[number] and number < self._loaded_count:
                self._played_interactions.append(self.data[number])
            self.play_counts[number] += 1
            stored: dict[str, Any] = self.data[number][1]
            return stored

    def _find(self, filtered: VcrRequest) -> int | None:
        """Answers to equal requests are played in their order; with `allow_playback_repeats` the last one again."""
        if self.record_mode == VcrMode.ALL:
            return None
        with self._lock:
            last = None
            for number in self._same(filtered):
                if not self.play_counts[number]:
                    return number
                last = number
            return last if self.allow_playback_repeats else None

    def _same(self, filtered: VcrRequest) -> Iterable[int]:
        """Places in `data` of the requests that match."""
        if self._matching:
            key = self._matching.key
            return self._index.get(key(filtered), ()) or self._index.get(key(_at_any_host(filtered)), ())
        _redact(filtered)
        playable = len(self.data) if self.allow_playback_repeats else self._loaded_count
        return (n for n in range(playable) if requests_match(filtered, self.data[n][0], self._match_on))

    def _miss(self, filtered: VcrRequest, pending: Pending | None) -> CassetteMiss:
        recorder = active()
        recorded = [(request, self.play_counts[number] > 0) for number, (request, _) in enumerate(self.data)]
        place = nearest(filtered, recorded, self._matching)
        same = sum(1 for _ in self._same(filtered))
        miss = CassetteMiss(
            explain(
                filtered,
                recorded,
                same=same,
                cassette=_short(self._path),
                exists=self.rewound,
                matching=self._matching,
                llm_call=recorder.llm_call(pending) if recorder and pending else None,
                nodeid=recorder.nodeid if recorder else "",
            )
        )
        if recorder is None:
            return miss
        agent = next(iter(recorder.open_timers()), "")
        near = None if place is None else exchange(_plain(self.data[place][0]), self.data[place][1])
        miss.refused = Refused(
            asked=exchange(_plain(filtered), None),
            nearest=near,
            extra=bool(same) or all(played for _, played in recorded) or goes_on(filtered, recorded, self._matching),
            agent=agent,
        )
        if pending:
            recorder.not_sent(pending)
        return recorder.stop(miss)

    # -- recording

    def _keep(self, request: VcrRequest, pending: Pending) -> None:
        """An answer that was being recorded has ended. One for which the client did not wait is stored as a 504."""
        with self._lock:
            self._watched.discard(pending)
            if pending.status is None and not pending.unanswered:
                return
            headers: dict[str, list[str]] = {}
            for name, value in pending.headers:
                if name != "content-encoding" or pending.encoded:
                    headers.setdefault(name, []).append(value)
            response = {
                "status": {"code": pending.status or 504, "message": pending.reason or ""},
                "headers": headers,
                "body": {"string": bytes(pending.body)},
                timing.KEY: timing.write(pending, self._first_ns or pending.start_ns),
            }
            try:
                self._append(request, response, pending.serial)
            except Exception as error:  # noqa: BLE001 - a filter of the user; told at the end and not to the agent
                self._failure = self._failure or error

    def _survive(self, serial: int, request: VcrRequest, response: dict[str, Any]) -> None:
        """Into the journal, as it would be saved."""
        pair = (request, response)
        try:
            if self._before_save_interaction:
                pair = _run_hooks(self._before_save_interaction, *copy.deepcopy(pair), self)
            if pair:
                self._persister.keep(serial, *pair)
        except Exception as error:  # noqa: BLE001 - told where it matters: when the cassette is saved
            self._notes += (f"{_short(self._path)}: what is recorded would not survive a crash: {first_line(error)}",)

    def _save(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - vcrpy's signature
        for pending in tuple(self._watched):
            pending.abandon()
        with self._lock:
            self._in_order_of_starts()
            if self._failure is not None:
                raise CassetteError(
                    f"{self._path}: not saved, for a filter failed: {type(self._failure).__name__}: {self._failure}"
                ) from self._failure
            super()._save(force)

    def _rerecorded_interactions(self) -> list[tuple[VcrRequest, dict[str, Any]]]:
        """vcrpy's `all`: what was recorded now, and before it what was not asked for again. Theirs compares all with all."""
        if not self._matching or self.drop_unused_requests:
            pairs: list[tuple[VcrRequest, dict[str, Any]]] = super()._rerecorded_interactions()
            return pairs
        recorded = self.data[self._loaded_count :]
        again = {self._matching.key(request) for request, _ in recorded}
        kept = (pair for pair in self.data[: self._loaded_count] if self._matching.key(pair[0]) not in again)
        return [*kept, *recorded]

    def _in_order_of_starts(self) -> None:
        """So that equal requests get their answers back in the order in which they were asked."""
        recorded = self.data[self._loaded_count :]
        order = sorted(range(len(recorded)), key=self._starts.__getitem__)
        self.data[self._loaded_count :] = [recorded[number] for number in order]
        self._starts.sort()


def _plain(request: VcrRequest) -> Request:
    return Request(method=request.method, url=request.uri, body=as_bytes(request.body))
