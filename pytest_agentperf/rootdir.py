"""The project around a folder as pytest would find it, for commands that start no session of pytest."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from configparser import Error as BadIni
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ITS_OWN = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
"""Files that make a folder the root even where they say nothing."""
_SHARED = ("pyproject.toml", "tox.ini", "setup.cfg")
_NOBODY_ASKS = ("pyproject.toml", "setup.py")
"""What makes a folder the root where no folder above has a word for pytest."""


class BadConfiguration(ValueError):
    """A file of the project cannot be read; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """As much of `pytest.Config` as `options` and `project` ask for: nobody gave a flag."""

    rootpath: Path
    inipath: Path | None = None
    ini: Mapping[str, Any]

    def getoption(self, name: str, default: Any = None) -> Any:
        return default

    def getini(self, name: str) -> Any:
        return self.ini.get(name)


def find(start: Path) -> Found:
    """From this folder upwards, by the rules of https://docs.pytest.org/en/stable/reference/customize.html.

    Raises BadConfiguration.
    """
    folders = (start, *start.parents)
    for path in _there(folders, *_ITS_OWN, *_SHARED):
        if (said := _said_to_pytest(path)) is not None:
            return Found(rootpath=path.parent, inipath=path, ini=said)
    for name in _NOBODY_ASKS:
        for path in _there(folders, name):
            return Found(rootpath=path.parent, ini={})
    return Found(rootpath=start, ini={})


def _there(folders: tuple[Path, ...], *names: str) -> Iterator[Path]:
    return (folder / name for folder in folders for name in names if (folder / name).is_file())


def _said_to_pytest(path: Path) -> Mapping[str, Any] | None:
    """None where the file has no word for it."""
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else _sections(text)
    except (OSError, ValueError, BadIni) as problem:
        raise BadConfiguration(f"{path}: cannot be read: {problem}") from None
    if path.name == "pyproject.toml":
        data = data.get("tool", {})
    said: Mapping[str, Any] | None = data.get("tool:pytest" if path.suffix == ".cfg" else "pytest")
    if said is None:
        return {} if path.name in _ITS_OWN else None
    return {**said, **said.get("ini_options", {})}


def _sections(text: str) -> dict[str, Any]:
    parser = RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}
