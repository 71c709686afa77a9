"""What a comparison of requests leaves out: places in a JSON body, and text that changes from run to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Step = str | int | None
"""A member's name, an item's place, or None: each of them; `DEEP` before one: at any depth."""
DEEP = ".."
Path = tuple[Step, ...]

_STEPS = re.compile(
    r"(?P<deep>\.\.)?(?:\.?(?P<name>[^.\[\]'\"*\s]+)|\.?(?P<any>\*)|\[(?P<sub>\*|\d+|'[^']*'|\"[^\"]*\")\])"
)

USUAL: Mapping[str, str] = {
    "date": r"\b\d{4}-\d{2}-\d{2}\b",
    "time": r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
    r"|\b\d{2}:\d{2}:\d{2}(?:[.,]\d+)?\b",
    "uuid": r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
    "hex": r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b",
    "path": r"(?<![\w/.:])(?:~|[A-Za-z]:)?(?:[\\/][\w.@+-]+){2,}[\\/]?",
    "port": r"\b(?:localhost|127\.0\.0\.1|\[::1\]):\d+\b",
}
"""Patterns that have a name."""


class BadRule(ValueError):
    """A path or pattern that cannot be read; the message says which one and why."""


def read_path(text: str) -> Path:
    """`metadata.id`, `messages[0].name`, `messages[*].id`, `['a.b']`, `..id`: a part of JSONPath (RFC 9535), its `$` left out
    or not. Raises BadRule.
    """
    if not isinstance(text, str):
        raise BadRule(f"{text!r}: expected a JSON path, as text")
    steps: list[Step] = []
    at = len(text) - len(text.lstrip().removeprefix("$"))
    end = len(text.rstrip())
    while at < end:
        match = _STEPS.match(text, at, end)
        if match is None:
            raise BadRule(f"{text!r}: {text[at:end]!r} is no step of a JSON path (a.b, a[0], a[*], a.*, ['a.b'], ..a)")
        if match["deep"]:
            steps.append(DEEP)
        sub = match["sub"] or ""
        steps.append(
            None if match["any"] or sub == "*" else int(sub) if sub.isdigit() else match["name"] or sub.strip("'\"")
        )
        at = match.end()
    if not steps:
        raise BadRule(f"{text!r}: it names no place of a body")
    return tuple(steps)


def read_pattern(text: str | re.Pattern[str]) -> re.Pattern[str]:
    """A regular expression, or the name of a usual one. Raises BadRule."""
    if isinstance(text, re.Pattern):
        return text
    if not isinstance(text, str):
        raise BadRule(f"{text!r}: expected a regular expression")
    text = text.strip()
    try:
        pattern = re.compile(USUAL.get(text, text))
    except re.error as error:
        names = ", ".join(USUAL)
        raise BadRule(f"{text!r} is neither a regular expression ({error}) nor one of {names}") from None
    if pattern.match(""):
        raise BadRule(f"{text!r} also matches nothing at all, so it would take every text for the same")
    return pattern


def without(value: Any, paths: Iterable[Path]) -> Any:
    """A JSON value without these places: members are left out, items of an array become null."""
    for path in paths:
        value = _cut(value, path)
    return value


def _cut(value: Any, path: Path) -> Any:
    if not isinstance(value, (dict, list)):
        return value
    if path[0] is DEEP:
        value = _cut(value, path[1:])
        children = value.items() if isinstance(value, dict) else enumerate(value)
        return _like(value, ((name, _cut(child, path)) for name, child in children))
    step, rest = path[0], path[1:]
    members = value.items() if isinstance(value, dict) else enumerate(value)
    if not rest:
        if isinstance(value, dict):
            return {name: child for name, child in members if not _is(step, name)}
        return [None if _is(step, name) else child for name, child in members]
    return _like(value, ((name, _cut(child, rest) if _is(step, name) else child) for name, child in members))


def _is(step: Step, name: str | int) -> bool:
    return step is None or step == name


def _like(value: Any, members: Iterator[tuple[Any, Any]]) -> Any:
    return dict(members) if isinstance(value, dict) else [child for _, child in members]


def blurred(value: Any, patterns: Iterable[re.Pattern[str]]) -> Any:
    """A JSON value, in each of its texts (not its names) what a pattern matches replaced by `<...>`."""
    if isinstance(value, str):
        for pattern in patterns:
            value = pattern.sub("<...>", value)
        return value
    if isinstance(value, dict):
        return {name: blurred(child, patterns) for name, child in value.items()}
    if isinstance(value, list):
        return [blurred(child, patterns) for child in value]
    return value
