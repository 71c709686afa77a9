"""Reading JSON that nobody promised anything about: every function takes any value and none raises."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

_read = json.JSONDecoder().decode
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_write_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def parse(data: bytes | str) -> Any:
    """The value of a JSON text; None where it is none. Half characters (lone surrogates) become `?`."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        value = _read(text.removeprefix("\ufeff"))
        if "\\ud" in text or "\\uD" in text:
            value = _read(_write(value).encode("utf-8", "replace").decode())
    except (ValueError, RecursionError):
        return None
    return value


def parse_all(texts: list[str]) -> list[Any]:
    """The value of each text; None where it is none. Read in one go where all are good: streams have thousands."""
    values = parse(f"[{','.join(texts)}]")
    return values if isinstance(values, list) and len(values) == len(texts) else [parse(text) for text in texts]


def obj(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objs(value: object) -> list[dict[str, Any]]:
    """The objects in an array; an empty list for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def count(*values: object) -> int | None:
    """The first that is a whole number from 0, as providers count tokens (`12` or `12.0`)."""
    for value in values:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and value % 1 == 0:
            return int(value)
    return None


def number(value: object) -> float | None:
    """The value if it is a finite number, or a text of one."""
    try:
        result = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else float("nan")
    except (ValueError, OverflowError):
        return None
    return result if abs(result) < float("inf") else None


def compact(value: object) -> str:
    """JSON text without white space, keys in their own order; a text stands for itself."""
    return value if isinstance(value, str) else _write(value)


def canonical(value: object) -> bytes:
    """Equal values, equal bytes: keys sorted, no white space."""
    return _write_sorted(value).encode()


def digest(data: bytes) -> str:
    """A short stable name for these bytes: 16 hexadecimal digits."""
    return blake2b(data, digest_size=8).hexdigest()
