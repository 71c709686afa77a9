"""Nouns to JSON values and back, by their own type hints."""

from __future__ import annotations

import types
from dataclasses import is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_ATOMS = frozenset({str, int, bool, type(None)})
"""What is its own JSON, by exact type: an enum may be a text too."""


def to_json(value: object) -> Any:
    """Dataclasses become objects, tuples arrays, decimals strings, and so do the floats that JSON has no number for."""
    if type(value) in _ATOMS:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_json(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    raise TypeError(f"no JSON for a {type(value).__name__}: {value!r}")


def from_json(cls: type[T], data: Any) -> T:
    """The inverse of `to_json`; a field that is missing takes its default, one that is unknown is an error.

    Raises TypeError or ValueError where the data do not fit.
    """
    result: T = _build(cls, data)
    return result


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(cls.__dataclass_fields__)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _build(hint: Any, data: Any) -> Any:
    if hint in _SCALARS:
        return _scalar(hint, data)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _build_union(get_args(hint), data)
    if origin is tuple:
        return _build_tuple(get_args(hint), data)
    if origin is Literal:
        if data not in get_args(hint):
            raise ValueError(f"expected one of {get_args(hint)}, got {data!r}")
        return data
    if issubclass(hint, Enum):
        return hint(data)
    if not isinstance(data, dict):
        raise TypeError(f"{hint.__name__}: expected an object, got {data!r}")
    hints = _hints(hint)
    if unknown := data.keys() - hints.keys():
        raise TypeError(f"{hint.__name__}: unknown field {min(unknown)!r}")
    return hint(**{name: _build(hints[name], item) for name, item in data.items()})


_SCALARS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (float, int, str),
    Decimal: (str,),
}
"""What a field of this type is in JSON; infinities and NaN are texts."""


def _scalar(hint: type, data: Any) -> Any:
    if not isinstance(data, _SCALARS[hint]) or (isinstance(data, bool) and hint is not bool):
        raise TypeError(f"expected {hint.__name__}, got {data!r}")
    if hint is Decimal:
        try:
            return Decimal(str(data))
        except InvalidOperation:
            raise ValueError(f"expected a decimal number, got {data!r}") from None
    return float(data) if hint is float and isinstance(data, str) else data


def _build_union(options: tuple[Any, ...], data: Any) -> Any:
    """None, or the one option that the kind of the value can mean: a text is a decimal where a text cannot be."""
    if data is None and type(None) in options:
        return None
    if isinstance(data, str) and Decimal in options and str not in options:
        return _scalar(Decimal, data)
    rest = [option for option in options if option not in (type(None), Decimal)]
    if len(rest) == 1:
        return _build(rest[0], data)
    if type(data) not in rest:
        raise TypeError(f"expected one of {', '.join(option.__name__ for option in options)}, got {data!r}")
    return data


def _build_tuple(args: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, (list, tuple)):
        raise TypeError(f"expected an array, got {data!r}")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_build(args[0], item) for item in data)
    return tuple(_build(arg, item) for arg, item in zip(args, data, strict=True))
