"""A method with a tap around it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Patch = tuple[type, str, Callable[..., Any]]
"""Class, name of the method, and what stands there while it is tapped."""


def around(owner: type, name: str, make: Callable[[Callable[..., Any]], Any]) -> Patch:
    """`make` gives the tap for the method; for the original one where a tap of ours is around it already."""
    function = vars(owner)[name]
    real = getattr(function, "agentperf_real", function)
    tap: Any = functools.wraps(real)(make(real))
    tap.agentperf_real = real
    return owner, name, tap
