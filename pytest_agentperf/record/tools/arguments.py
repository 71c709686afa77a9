"""What a function was given, and what that says of a tool call. Foreign code: anything may raise."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

_STEP = re.compile(r"(\w+)(\(\))?")


class Nowhere(LookupError):
    """A path leads nowhere; the message names it."""


def arguments_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """By the names of its parameters; empty where they do not fit, which the function will say itself."""
    signature = _signature(function)
    try:
        return signature.bind(*args, **kwargs).arguments if signature else {}
    except TypeError:
        return {}


@functools.lru_cache(maxsize=512)
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def follow(path: str, given: Mapping[str, Any]) -> Any:
    """What a path of `seams` leads to. Raises Nowhere, and whatever the objects on the way do."""
    for way in path.split("|"):
        here: Any = given
        try:
            for name, call in _steps(way):
                here = here[name] if isinstance(here, Mapping) else getattr(here, name)
                here = here() if call else here
        except (KeyError, AttributeError):
            continue
        return here
    raise Nowhere(path)


@functools.cache
def _steps(way: str) -> tuple[tuple[str, str], ...]:
    return tuple(_STEP.findall(way))
