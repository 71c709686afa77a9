"""Nothing dear without a person."""

from typing import Any


def allows(stage: str, call: Any) -> bool:
    return call["function"]["name"] != "refund"
