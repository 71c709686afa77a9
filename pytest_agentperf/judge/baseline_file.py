"""The text of a baseline: a block for each test of a module, made to be reviewed, merged and read again.

    # agentperf-baseline 2 (written by pytest --agentperf-update)

    test_plans_a_trip
     llm_calls 2
     cost_nano_usd 384000
     test took=4200000
     call openai openai-chat gpt-5-nano turn=1 at=100000 took=1400000 input=1200 output=85 asks=flights,weather
     tool flights at=1550000 took=1300000 for=1.1

A block starts with the test's id behind `path/to/module.py::`, so that a module moves together with its file. Its first
lines are numbers for people; the lines from `test` on are the skeleton (see `judge.skeleton_text`), which is what counts.
Times are microseconds, sizes bytes. Blocks are sorted; nothing in them drifts, so two branches meet in a block only if
both changed that test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pytest_agentperf.judge.skeleton_reader import BadLine, read_skeleton
from pytest_agentperf.judge.skeleton_text import PARTS, write_skeleton
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.number import Number
from pytest_agentperf.model.profile import Profile

VERSION = 2
# 1: the first; 2: a call has no `offers` (the names of the tools that it may ask for), and of a usage no part that is 0
_HEAD = f"# agentperf-baseline {VERSION} (written by pytest --agentperf-update)"
_FIRST = re.compile(r"^# agentperf-baseline (\d+)\b.*", re.MULTILINE)
_CONFLICT = re.compile(r"^(<{7}|\|{7}|={7}|>{7})( |$)", re.MULTILINE)
_CONFLICT_WHOLE = re.compile(r"^<{7}.*?^>{7}", re.MULTILINE | re.DOTALL)
_NO_NAME = ("#", "<", "=", ">", "|", " ")
"""What the first line of a block does not start with; see `escape`."""
_STRAY = re.compile(r"^[^ ].*", re.MULTILINE)
_COST = re.compile(r"^ cost_nano_usd (\d+)$", re.MULTILINE)
_AGAIN = "write it again with: pytest --agentperf --agentperf-update"


class BadBaseline(ValueError):
    """A baseline that cannot be read; the message names file, line and the way out."""


@dataclass(frozen=True, slots=True)
class Block:
    """One test's part of the file."""

    numbers: str
    """Lines for people."""
    trace: str
    """Lines of the skeleton. Equal traces, equal runs."""
    line: int = field(default=0, compare=False)
    """Where the file has it."""

    @property
    def cost(self) -> Decimal | None:
        found = _COST.search(self.numbers)
        return Decimal(found[1]).scaleb(-9) if found else None

    def profile(self, nodeid: str, shown: str) -> Profile:
        """The skeleton. Raises BadBaseline; `shown` is what it calls the file."""
        try:
            return read_skeleton(nodeid, self.trace)
        except BadLine as problem:
            line = self.line + self.numbers.count("\n") + 2 + problem.number
            raise BadBaseline(f"{shown}:{line}: the baseline of {nodeid} cannot be read: {problem}; {_AGAIN}") from None


def block(profile: Profile) -> Block:
    """Of a run whose calls are priced, for the line of the cost."""
    numbers = []
    for name, metric in METRICS.items():
        if metric.slack is not None and (value := metric.read(profile).value) is not None:
            numbers.append(f" {name}{_UNITS.get(metric.unit, '')} {_whole(value, metric.unit)}")
    return Block("\n".join(numbers), write_skeleton(profile))


_UNITS = {"ms": "_ms", "USD": "_nano_usd"}


def _whole(value: Number, unit: str) -> int:
    return round(value * 1_000_000_000) if unit == "USD" else int(value)


def to_text(blocks: Mapping[str, Block]) -> str:
    """The file. `blocks` are by the test's id behind the path of its module."""
    parts = [_HEAD + "\n"]
    parts += [f"{escape(name)}\n{blocks[name].numbers}\n{blocks[name].trace}\n" for name in sorted(blocks)]
    return "\n".join(parts)


def from_text(text: str, shown: str) -> dict[str, Block]:
    """The inverse. Raises BadBaseline, for merge conflicts too."""
    text = _lines(text)
    if in_conflict(text) and (found := _CONFLICT.search(text)):
        line = text.count("\n", 0, found.start()) + 1
        raise BadBaseline(f"{shown}:{line}: an unresolved merge conflict; {_AGAIN} (it may stay in the file for that)")
    head, _, rest = text.partition("\n")
    _check_head(head, shown)
    rest = _from_version_1(rest)  # whatever the head says: a merge may bring an old block below a new head
    blocks: dict[str, Block] = {}
    line = 2
    for part in rest.split("\n\n"):
        lead = len(part) - len(part.lstrip("\n"))
        name, _, body = part.strip("\n").partition("\n")
        if name:
            place = f"{shown}:{line + lead}"
            if name.startswith(_NO_NAME):
                raise BadBaseline(f"{place}: a block without the name of its test; {_AGAIN}")
            name = unescape(name)
            if name in blocks:
                raise BadBaseline(f"{place}: {name} stands here twice; {_AGAIN}")
            blocks[name] = _block(body, place, line + lead)
        line += part.count("\n") + 2
    return blocks


def salvage(text: str, shown: str) -> tuple[dict[str, Block], set[str]]:
    """The blocks of a damaged file that are whole, and the ids of those that are not, as far as they can be told.

    Raises BadBaseline for a file that a newer version wrote.
    """
    text = _from_version_1(_lines(text))
    for head in _FIRST.findall(text):
        _check_head(f"# agentperf-baseline {head}", shown)
    text = _CONFLICT_WHOLE.sub(lambda found: re.sub("\n+", "\n", found[0]), text)  # one part, with what it touches
    blocks: dict[str, Block] = {}
    torn: set[str] = set()
    above: set[str] = set()
    for number, part in enumerate(text.split("\n\n")):
        lines = [line for line in part.split("\n") if line and not line.startswith("#")]
        if not lines or not (number or any(line.startswith(" ") for line in lines)):
            continue  # the head, whatever is left of it
        above = names = {unescape(line) for line in lines if not line.startswith(_NO_NAME)} or above
        name = unescape(lines[0])
        try:
            found = _block("\n".join(lines[1:]), shown)
        except BadBaseline:
            found = None
        if found and name in names and name not in blocks:
            blocks[name] = found
        else:
            torn |= names
    return {name: block for name, block in blocks.items() if name not in torn}, torn


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def in_conflict(text: str) -> bool:
    return "<<<<<<<" in text and bool(_CONFLICT.search(text))


def _check_head(head: str, shown: str) -> None:
    found = _FIRST.fullmatch(head.rstrip())
    if not found:
        raise BadBaseline(f"{shown}:1: expected {_HEAD!r}, got {head[:60]!r}; {_AGAIN}")
    if not 1 <= int(found[1]) <= VERSION:
        raise BadBaseline(
            f"{shown}:1: version {found[1]} is not one that this pytest-agentperf reads (1 to {VERSION}); "
            "pip install --upgrade pytest-agentperf"
        )


_OF_VERSION_1 = (" offers=", *(f" {word}=0" for word in PARTS))
_MORE = re.compile(rf" (offers=\S*|({'|'.join(PARTS)})=0)(?= |$)")


def _from_version_1(text: str) -> str:
    """Blocks as they are now; those of today stay as they are."""
    if not any(word in text for word in _OF_VERSION_1):
        return text
    return re.sub(r"^ call .*", lambda line: _MORE.sub("", line[0]), text, flags=re.MULTILINE)


def _block(body: str, place: str, line: int = 0) -> Block:
    at = body.find("\n test ")
    if at < 0 or not body.startswith(" "):
        raise BadBaseline(f"{place}: a block without its line `test`; {_AGAIN}")
    if body.count("\n") != body.count("\n ") and (stray := _STRAY.search(body)):
        raise BadBaseline(f"{place}: a block with a line that is none of its own, {stray[0][:60]!r}; {_AGAIN}")
    return Block(body[:at], body[at + 1 :], line)


def escape(name: str) -> str:
    """An id on one line that starts with a letter: what does not print, and blanks at the ends, as in a Python text."""
    text = "".join(
        "\\\\" if char == "\\" else char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in name
    )
    if text.startswith(_NO_NAME):
        text = f"\\x{ord(text[0]):02x}{text[1:]}"
    return f"{text[:-1]}\\x20" if text.endswith(" ") else text


def unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: found[0].encode().decode("unicode_escape"), text)


_ESCAPED = re.compile(r"\\(?:\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[tnr])")
