"""Text in columns: what a terminal shows is counted in cells, not in characters."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import combining, east_asian_width


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """One line without control characters, whoever the text comes from (a model names tools, a provider errors)."""
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


def cells(text: str) -> int:
    """Width on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def clip(text: str, width: int) -> str:
    """At most `width` cells: what is too long loses its middle to `..`, for both ends of a name tell it from others."""
    if cells(text) <= width:
        return text
    if width <= 2:
        return "." * max(0, width)
    head = _fitting(text, (width - 2) // 2)
    tail = _fitting(text[::-1], width - 2 - cells(head))[::-1]
    return f"{head}..{tail}"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Filled with spaces to `width` cells; `right` aligns it to the right."""
    space = " " * (width - cells(text))
    return space + text if right else text + space


def _fitting(text: str, width: int) -> str:
    end = len(text)
    while cells(text[:end]) > width:
        end -= 1
    return text[:end]
