"""What a tap is: methods of a library with something around them, and what it relies on in there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Patch = tuple[type, str, Callable[..., Any]]
"""Class, name of the method, and what stands there while it is tapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """Taps import the library that they are for only where it is loaded already."""

    module: str
    """Name of the library's module."""
    inside: Mapping[str, tuple[str, ...]]
    """What the tap relies on in the module, beyond what its users do: `Class.method`, or `Class.attribute` that
    `__init__` sets, each with the parameters that are passed by name."""
    patches: Callable[[ModuleType], Iterator[Patch]]
    stubs: tuple[str, ...] = ()
    """The patchers of vcrpy that it stands in for. None: it looks on only, and asks no cassette."""
    lost: str = "its streams are read whole and its times are off, if it is seen at all"
    """What that means for the user where the library is another inside."""

    def missing(self, module: ModuleType) -> str:
        """What this version of the library has not; empty: it has all."""
        for path, parameters in self.inside.items():
            found: Any = module
            for name in path.split("."):
                found = _part(found, name)
            if found is None or not _takes(found, parameters):
                return f"{path}({', '.join(parameters)})" if parameters else path
        return ""


def around(owner: type, name: str, make: Callable[[Callable[..., Any]], Any]) -> Patch:
    """`make` gives the tap for the method; for the original one where a tap of ours is around it already."""
    function = vars(owner)[name]
    real = getattr(function, "agentperf_real", function)
    tap: Any = functools.wraps(real)(make(real))
    tap.agentperf_real = real
    return owner, name, tap


def is_tapped(method: object) -> bool:
    return hasattr(method, "agentperf_real")


def _part(owner: Any, name: str) -> Any:
    if hasattr(owner, name):
        return getattr(owner, name)
    made = (vars(kind).get("__init__") for kind in getattr(owner, "__mro__", ()))
    return name if any(name in init.__code__.co_names for init in made if hasattr(init, "__code__")) else None


def _takes(function: Any, parameters: tuple[str, ...]) -> bool:
    return not parameters or {*parameters} <= _parameters(getattr(function, "agentperf_real", function))


@functools.cache
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)
