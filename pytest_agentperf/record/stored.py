"""Cassette files as exchanges, without an agent that would ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_agentperf.model.exchange import Exchange, Origin, Request
from pytest_agentperf.record import replay
from pytest_agentperf.record.file_formats import read
from pytest_agentperf.record.match import as_bytes


def exchanges(path: Path) -> Iterator[Exchange]:
    """The interactions of a cassette in the order of the file, as `replay` would answer them; each starts at 0.

    Raises OSError and file_formats.Damage.
    """
    for index, (asked, stored) in enumerate(read(path.read_bytes())):
        yield exchange(Request(method=asked["method"], url=asked["uri"], body=as_bytes(asked["body"])), stored, index)


def exchange(request: Request, stored: Mapping[str, Any] | None, index: int = 0) -> Exchange:
    """A request with its stored answer; None: it has none. It starts at 0."""
    if stored is None:
        return Exchange(index=index, request=request, origin=Origin.REPLAYED)
    answer, _ = replay.read(stored, request)
    return Exchange(
        index=index,
        request=request,
        response=answer.response,
        first_byte_ns=answer.pieces[0][0] if answer.pieces else None,
        end_ns=answer.end_ns,
        origin=Origin.REPLAYED,
        timing=answer.timing,
        error=answer.error or None,
        connection=answer.connection,
    )
