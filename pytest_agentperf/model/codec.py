"""Nouns to JSON values and back, by their own type hints."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Dataclasses become objects, tuples arrays, decimals strings."""
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    return value


def from_json(cls: type[T], data: Any) -> T:
    """The inverse of `to_json`; a field that is missing takes its default, one that is unknown is an error.

    Raises TypeError or ValueError where the data do not fit.
    """
    result: T = _build(cls, data)
    return result


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _build(hint: Any, data: Any) -> Any:
    origin = get_origin(hint)
    if is_dataclass(hint):
        if not isinstance(data, dict):
            raise TypeError(f"{getattr(hint, '__name__', hint)}: expected an object, got {data!r}")
        hints = _hints(hint)  # type: ignore[arg-type]
        return hint(**{name: _build(hints.get(name, Any), item) for name, item in data.items()})  # type: ignore[operator]
    if origin in (Union, types.UnionType):
        return _build_union(get_args(hint), data)
    if origin is tuple:
        return _build_tuple(get_args(hint), data)
    if isinstance(hint, type) and issubclass(hint, Enum | Decimal):
        return hint(data)
    if origin is Literal and data not in get_args(hint):
        raise ValueError(f"expected one of {get_args(hint)}, got {data!r}")
    return data


def _build_union(options: tuple[Any, ...], data: Any) -> Any:
    """The first option that fits; a decimal is told from a text by being the only option that a text can mean."""
    if data is None and type(None) in options:
        return None
    if isinstance(data, str) and Decimal in options and str not in options:
        return Decimal(data)
    rest = [option for option in options if option not in (type(None), Decimal)]
    return _build(rest[0], data) if len(rest) == 1 else data


def _build_tuple(args: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_build(args[0], item) for item in data)
    return tuple(_build(arg, item) for arg, item in zip(args, data, strict=True))
