"""Nouns to JSON values and back, by their own type hints; what the hints mean is worked out once a class."""

from __future__ import annotations

import gc
import json
import types
from collections.abc import Callable, Generator, KeysView
from contextlib import contextmanager
from dataclasses import MISSING, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, partial
from math import isfinite
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Read = Callable[[Any], Any]

_ATOMS = frozenset({str, int, bool, type(None)})
"""What is its own JSON, by exact type: an enum may be a text too."""


def to_json(value: object) -> Any:
    """Dataclasses become objects, tuples arrays, decimals strings, and so do the floats that JSON has no number for.

    A field that is empty (None, false, 0, a text or an array without anything) by default and in fact is left out, and so is
    an object that is all default.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is tuple or kind is list:
        return [item if type(item) in _ATOMS else to_json(item) for item in value]  # type: ignore[attr-defined]
    if write := _WRITERS.get(kind):
        return write(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(kind):
        return _writer(kind)(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    raise TypeError(f"no JSON for a {kind.__name__}: {value!r}")


def to_text(value: object) -> str:
    """The JSON as text: in a run of thousands of tests a tenth of the memory that trees of it take, and plain to send."""
    return _encode(to_json(value))


_encode = json.JSONEncoder(allow_nan=False, check_circular=False).encode


def from_text(cls: type[T], text: str) -> T:
    """The inverse of `to_text`."""
    return from_json(cls, json.loads(text))


_WRITERS: dict[type, Callable[[Any], dict[str, Any]]] = {}


def _writer(cls: Any) -> Callable[[Any], dict[str, Any]]:
    """A function made for a class, as `dataclasses` makes its own: four times as fast as looking at each value anew."""
    hints = get_type_hints(cls)
    space: dict[str, Any] = {"to_json": to_json}
    lines = ["def write(value):", " data = {}"]
    for name, field in cls.__dataclass_fields__.items():
        default = space[f"default_{name}"] = field.default
        told = f"x = value.{name}; "
        if default is None:
            told = f"if (x := value.{name}) is not None: "
        elif is_dataclass(default):
            told = f"if (x := value.{name}) != default_{name}: "
        elif default is not MISSING and not default:
            told = f"if x := value.{name}: "
        lines.append(f" {told}data[{name!r}] = {_made(hints[name])}")
    exec("\n".join([*lines, " return data"]), space)  # noqa: S102 - names of our own fields and nothing else
    _WRITERS[cls] = space["write"]
    return _WRITERS[cls]


def _made(hint: Any) -> str:
    """What becomes of `x`, a field of this type."""
    if _ATOMS.issuperset(_options(hint)):
        return "x"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "x._value_"
    items = get_args(hint)
    if get_origin(hint) is tuple and is_dataclass(items[0]):
        return "[to_json(item) for item in x]"
    return "to_json(x)"


def from_json(cls: type[T], data: Any) -> T:
    """The inverse of `to_json`; a field that is missing takes its default, one that is unknown is an error.

    Raises TypeError or ValueError where the data do not fit.
    """
    kind: Any = cls
    result: T = _reader(kind)(data)
    return result


@cache
def _reader(hint: Any) -> Read:
    """What makes a value of this type out of JSON."""
    if hint in _SCALARS:
        return partial(_scalar, hint, _SCALARS[hint])
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union_reader(get_args(hint))
    if origin is tuple:
        return _tuple_reader(get_args(hint))
    if origin is Literal:
        return partial(_literal, frozenset(get_args(hint)))
    if issubclass(hint, Enum):
        return _enum_reader(hint)
    return _object_reader(hint)


def _object_reader(cls: Any) -> Read:
    """A function made for a class, as `_writer` makes one: a field that has the type of its hint is read by nobody else.

    The slots are set one by one, past `__init__`, which in a frozen class looks each of them up by its name again.
    """
    hints = get_type_hints(cls)
    space: dict[str, Any] = {"_cls": cls, "_names": hints.keys(), "_wrong": _wrong}
    lines = [
        "def read(_data):",
        " if type(_data) is not dict or not _data.keys() <= _names: _wrong(_cls, _names, _data)",
        " try:",
    ]
    for name, field in cls.__dataclass_fields__.items():
        space[f"read_{name}"], space[f"default_{name}"] = _reader(hints[name]), field.default
        required = field.default is MISSING
        unread = [] if required else [f"{name} is not default_{name}"]
        if own := [kind for kind in _options(hints[name]) if kind in _ATOMS or kind is float]:
            space[f"kind_{name}"] = own[0]
            unread.append(f"type({name}) is not kind_{name}")
        lines += [
            f"  {name} = _data[{name!r}]" if required else f"  {name} = _data.get({name!r}, default_{name})",
            f"  if {' and '.join(unread) or True}: {name} = read_{name}({name})",
        ]
    lines += [" except KeyError: _wrong(_cls, _names, _data)"]
    lines += _made_of(cls, space)
    exec("\n".join(lines), space)  # noqa: S102 - names of our own fields and nothing else
    read: Read = space["read"]
    return read


def _made_of(cls: Any, space: dict[str, Any]) -> list[str]:
    """The lines that make an object of variables that are named as its fields."""
    names = list(cls.__dataclass_fields__)
    if "__slots__" not in vars(cls) or hasattr(cls, "__post_init__"):
        return [f" return _cls({', '.join(f'{name}={name}' for name in names)})"]
    space |= {f"set_{name}": getattr(cls, name).__set__ for name in names}
    space["_new"] = cls.__new__
    return [" _made = _new(_cls)", *(f" set_{name}(_made, {name})" for name in names), " return _made"]


def _wrong(cls: Any, names: KeysView[str], data: Any) -> None:
    if not isinstance(data, dict):
        raise TypeError(f"{cls.__name__}: expected an object, got {data!r}")
    if strange := data.keys() - names:
        raise TypeError(f"{cls.__name__}: unknown field {min(strange)!r}")
    needed = [name for name, field in cls.__dataclass_fields__.items() if field.default is MISSING]
    raise TypeError(f"{cls.__name__}: {', '.join(name for name in needed if name not in data)} missing")


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _enum_reader(hint: type[Enum]) -> Read:
    members = {one.value: one for one in hint}
    return lambda data: found if (found := members.get(data)) is not None else hint(data)


_SCALARS: dict[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (float, int, str),
    Decimal: (str,),
}
"""What a field of this type is in JSON; infinities and NaN are texts."""


def _scalar(hint: type, kinds: tuple[type, ...], data: Any) -> Any:
    if type(data) is hint:
        return data
    if not isinstance(data, kinds) or isinstance(data, bool):
        raise TypeError(f"expected {hint.__name__}, got {data!r}")
    if hint is Decimal:
        try:
            return Decimal(str(data))
        except InvalidOperation:
            raise ValueError(f"expected a decimal number, got {data!r}") from None
    return float(data) if hint is float and isinstance(data, str) else data


def _literal(allowed: frozenset[Any], data: Any) -> Any:
    if data not in allowed:
        raise ValueError(f"expected one of {tuple(sorted(allowed))}, got {data!r}")
    return data


def _union_reader(options: tuple[Any, ...]) -> Read:
    """None, or the one option that the kind of the value can mean: a text is a decimal where a text cannot be."""
    decimal = Decimal in options and str not in options
    rest = [option for option in options if option not in (type(None), Decimal)]
    only = _reader(rest[0]) if len(rest) == 1 else None

    def read(data: Any) -> Any:
        if data is None and type(None) in options:
            return None
        if decimal and isinstance(data, str):
            return _scalar(Decimal, (str,), data)
        if only is not None:
            return only(data)
        if type(data) not in rest:
            raise TypeError(f"expected one of {', '.join(option.__name__ for option in options)}, got {data!r}")
        return data

    return read


def _tuple_reader(args: tuple[Any, ...]) -> Read:
    readers = [_reader(arg) for arg in args if arg is not Ellipsis]
    many = len(args) == 2 and args[1] is Ellipsis

    def read(data: Any) -> Any:
        if not isinstance(data, (list, tuple)):
            raise TypeError(f"expected an array, got {data!r}")
        if many:
            return tuple([readers[0](item) for item in data])
        return tuple(reader(item) for reader, item in zip(readers, data, strict=True))

    return read


@contextmanager
def no_collection() -> Generator[None]:
    """Around work that makes large trees, which go by themselves: looking for cycles in them takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
