"""A request that the cassette has no answer for, told so that a person can act on it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_agentperf.decode.refused import Refused
from pytest_agentperf.record.match import Asked, Matching, address
from pytest_agentperf.record.recorder import Stop

_AROUND = 40
"""Characters shown on each side of a difference."""
_NAMED = 4
"""Further differences that are named."""

_TALKS = ("messages", "input", "contents")
"""What requests of chat completions and messages, responses, and Gemini call the conversation."""


class CassetteMiss(Stop):
    """The agent sent what was not recorded."""

    refused: Refused | None = None
    """That, and what is recorded most like it."""


def explain(
    request: Asked,
    recorded: Sequence[tuple[Asked, bool]],
    *,
    same: int,
    cassette: str,
    exists: bool,
    matching: Matching | None = None,
    llm_call: int | None,
    nodeid: str,
) -> str:
    """The message of a miss.

    `recorded`: the requests of the cassette, and whether each was played already; `same`: how many of them match.
    """
    played = sum(done for _, done in recorded)
    compared = matching or Matching()
    turn = _turn(_talk(compared.seen(request.body)), None)
    nth = (
        f" (LLM call {llm_call} of this test{f', turn {turn} of its conversation' if turn > 1 else ''})"
        if llm_call
        else ""
    )
    lines = [
        f"no recorded answer for {request.method} {address(request.uri)}{nth}",
        f"  cassette: {cassette} ({len(recorded)} recorded, {played} played)",
    ]
    if not exists:
        lines.append("  why: there is no such cassette")
    elif same:
        lines.append(f"  why: the agent asks this once more than recorded ({same} played already)")
    else:
        lines.append("  why: the cassette has no such request")
        lines += _nearest(request, recorded, matching)
    mode = "all" if exists else "once"
    test = f" {shlex.quote(nodeid)}" if nodeid else ""
    lines.append(f"  to record it: pytest{test} --agentperf-record={mode}")
    return "\n".join(lines)


def nearest(request: Asked, recorded: Sequence[tuple[Asked, bool]], matching: Matching | None = None) -> int | None:
    """The place of the recorded request that goes along with this one the longest and differs in the fewest places."""
    seen = (matching or Matching()).seen
    body = seen(request.body)
    now, talk = dict(_leaves(request, body)), _talk(body)
    ranks = []
    for number, (other, done) in enumerate(recorded):
        body = seen(other.body)
        then = dict(_leaves(other, body))
        ranks.append((-_common(talk, _talk(body)), sum(1 for _ in _changes(then, now)), done, number))
    return min(ranks)[-1] if ranks else None


def goes_on(request: Asked, recorded: Sequence[tuple[Asked, bool]], matching: Matching | None = None) -> bool:
    """Whether it begins like requests that are recorded, and all of those were played: its conversation takes one more."""
    seen = (matching or Matching()).seen
    talk = _talk(seen(request.body))
    alike = [done for other, done in recorded if _common(talk, _talk(seen(other.body)))]
    return bool(alike) and all(alike)


def _nearest(request: Asked, recorded: Sequence[tuple[Asked, bool]], matching: Matching | None) -> list[str]:
    """Where the nearest one differs."""
    number = nearest(request, recorded, matching)
    if number is None:
        return []
    seen = (matching or Matching()).seen
    done = recorded[number][1]
    body = seen(request.body)
    now, talk = dict(_leaves(request, body)), _talk(body)
    body = seen(recorded[number][0].body)
    common = -_common(talk, _talk(body))
    then = dict(_leaves(recorded[number][0], body))
    paths = list(_changes(then, now))
    if not paths:  # the user's own matchers look at something else
        return [f"  nearest: recorded request {number + 1}; it differs in what match_on compares besides"]
    again = " (played already)" if done else ""
    head = f"nearest: recorded request {number + 1}{again}, which differs"
    changed = [path for path in paths if common and path.startswith(f"{talk[0]}[{-common}]")]
    if changed:
        paths = changed + [path for path in paths if path not in changed]
        beyond = -common == len(_talk(body)[1])
        turn, what = _turn(talk, None if beyond else -common), "was not recorded" if beyond else "changed"
        head = f"turn {turn} of the conversation {what}: recorded request {number + 1}{again} differs"
    at, before, after = _difference(then.get(paths[0]), now.get(paths[0]))
    where = f", from character {at}" if at else ""
    lines = [f"  {head} in {paths[0]}{where}", f"    recorded: {before}", f"    now:      {after}"]
    if more := paths[1:]:
        names = ", ".join(more[:_NAMED]) + (", ..." if len(more) > _NAMED else "")
        lines.append(f"    and in {len(more)} more: {names}")
    return lines


def _changes(then: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    return (path for path in then | now if then.get(path) != now.get(path))


Talk = tuple[str, list[Any]]
"""Where a conversation stands in a body, and its messages."""


def _talk(body: Any) -> Talk:
    fields = body if isinstance(body, dict) else {}
    return next(((name, fields[name]) for name in _TALKS if isinstance(fields.get(name), list)), ("", []))


def _common(one: Talk, other: Talk) -> int:
    """How many messages two conversations have in common from their start."""
    pairs = enumerate(zip(one[1], other[1], strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(one[1]), len(other[1])))


def _turn(talk: Talk, at: int | None) -> int:
    """The turn that sent the message at a place first (None: the last turn): one more than the model's answers before."""
    own = [_by_model(message) for message in talk[1][:at]]
    return 1 + sum(mine and not before for before, mine in zip([False, *own], own, strict=False))


def _by_model(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    if "role" in message:
        return message["role"] in ("assistant", "model")
    return not str(message.get("type", "")).endswith("_output")  # an item of a response, and not a tool's


def _leaves(request: Asked, body: Any) -> Iterator[tuple[str, Any]]:
    """A request as flat (JSON path, value) pairs."""
    yield "method", request.method.upper()
    yield "address", address(request.uri)
    if isinstance(body, bytes):
        yield "body", body.decode("utf-8", "replace")
    else:
        yield from _flat("", body)


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flat(f"{path}.{name}" if path else name, item)
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _flat(f"{path}[{number}]", item)
    else:
        yield path, value


def _difference(then: Any, now: Any) -> tuple[int, str, str]:
    """The place of the first difference, and both values around it."""
    before, after = (
        _ABSENT if value is None else value if isinstance(value, str) else json.dumps(value) for value in (then, now)
    )
    shorter = min(len(before), len(after))
    at = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    return at, _cut(before, at), _cut(after, at)


_ABSENT = "(nothing)"


def _cut(text: str, at: int) -> str:
    start, end = max(0, at - _AROUND), at + _AROUND
    return f"{'…' if start else ''}{text[start:end]!r}{'…' if end < len(text) else ''}"
