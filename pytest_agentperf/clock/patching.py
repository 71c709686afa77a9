"""Put functions in the place of others, and take them out again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

Attribute = tuple[Any, str, Any]
"""Owner, name, and what to put there."""

_KEEP_ORIGINALS = ("_thread", "importlib.", __name__.rpartition(".")[0])
"""Modules whose own names stay: the import system's locks must not depend on us, nor we on ourselves."""
_ABSENT = object()


def replace_everywhere(stand_ins: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
    """Replace functions under whatever name the loaded modules know them (`from time import sleep as nap`)."""
    by_id = {id(original): stand_in for original, stand_in in stand_ins.items()}
    modules: list[tuple[str, object]] = list(sys.modules.items())  # some put other things there
    for module_name, module in modules:
        if isinstance(module, ModuleType) and not module_name.startswith(_KEEP_ORIGINALS):
            names = vars(module)
            for name, value in list(names.items()):
                if id(value) in by_id:
                    names[name] = by_id[id(value)]


def set_attributes(attributes: Iterable[Attribute]) -> list[Attribute]:
    """Gives what `restore_attributes` needs."""
    before = []
    for owner, name, stand_in in attributes:
        before.append((owner, name, vars(owner).get(name, _ABSENT)))
        setattr(owner, name, stand_in)
    return before


def restore_attributes(before: Iterable[Attribute]) -> None:
    for owner, name, value in reversed(list(before)):
        if value is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, value)
