"""What a program says of itself, without running it."""

from __future__ import annotations

import ast
from typing import Any


def constants(source: str) -> dict[str, Any]:
    """Its names in capitals whose values are literals."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found
