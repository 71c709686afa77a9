"""The run as a JSON document: everything there is, for `show`, for other programs and for people with jq."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_agentperf.model import codec
from pytest_agentperf.model.change import Cause, Change, Share
from pytest_agentperf.model.metric import METRICS, Measure, Measures
from pytest_agentperf.model.number import Number, plain_number
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.totals import Total, time_source, totals

FORMAT = "pytest-agentperf run"
FORMAT_VERSION = 2
# 1: the first; 2: causes, and of a test changes, steps, accepted, base, new and where; what is empty is left out, as what
# version 1 lacks: it takes its default.
_STORED = tuple(TestRun.__dataclass_fields__)
_LISTS: dict[str, Any] = {"causes": tuple[Cause, ...], "notes": tuple[str, ...], "bugs": tuple[str, ...]}
_AGAIN = "write it again with: pytest --agentperf --agentperf-json=PATH"


class UnreadableRun(ValueError):
    """The file is no run of ours; the message names the file, what is wrong with it and the way out."""


def render(report: Report) -> Iterator[str]:
    """The document in pieces, the same for the same report, whatever the order that its tests, notes and bugs came in.

    A test has its `profile`, from which everything else can be had again, and for people its `metrics`: value (money as
    a number too; the profile has the exact decimals), unit, `estimated` where it is, and where the value is null `why`.
    `time` says what its times are (see `totals.time_source`).
    """
    texts = report.texts or ("",) * len(report.tests)
    tests = sorted(
        zip(report.tests, report.numbers, texts, strict=True), key=lambda row: (row[0].profile.nodeid, row[0].worker)
    )
    return _pieces(
        {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "versions": dict(report.versions),
            **({"commit": report.commit} if report.commit else {}),
            "totals": {
                "tests": len(tests),
                **{name: total_json(name, total) for name, total in totals(report.numbers).items()},
            },
            "notes": sorted(report.notes),
            "bugs": sorted(report.bugs),
            "causes": codec.to_json(report.causes),
            "tests": (_test(*row) for row in tests),
        }
    )


def from_document(data: Any) -> Report:
    """The inverse of `render`. Raises UnreadableRun without the name of a file."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else data
        raise UnreadableRun(f"not a run of pytest-agentperf (format: {_short(found)}); {_AGAIN}")
    version = data.get("version")
    if type(version) is not int or version < 1:
        raise UnreadableRun(f"version {_short(version)} is none of this format; {_AGAIN}")
    if version > FORMAT_VERSION:
        raise UnreadableRun(
            f"version {version} is newer than this pytest-agentperf, which reads up to {FORMAT_VERSION}; "
            "pip install --upgrade pytest-agentperf"
        )
    with _damage("the run"):
        tests = tuple(_tests(data["tests"]))
        lists = {name: codec.from_json(kind, data.get(name, [])) for name, kind in _LISTS.items()}
        if not isinstance(data["versions"], dict):
            raise TypeError(f"versions: expected an object, got {_short(data['versions'])}")
        _check(share for cause in lists["causes"] for share in cause.shares)
        if not all(cause.hits for cause in lists["causes"]):
            raise ValueError("a cause has no test")
        commit = codec.from_json(str, data.get("commit", ""))
        return Report(tests=tests, versions=tuple(data["versions"].items()), commit=commit, **lists)


def _tests(data: Iterable[Any]) -> Iterator[TestRun]:
    for place, test in enumerate(data, 1):
        with _damage(f"test {test.get('nodeid', place) if isinstance(test, dict) else place}"):
            run = codec.from_json(TestRun, {key: test[key] for key in _STORED if key in test})
            _check(run.changes)
            _check(share for step in (*run.steps, *run.accepted) for share in step.shares)
            yield run


def _check(numbers: Iterable[Change | Share]) -> None:
    """Raises ValueError for one of a metric that there is not."""
    for one in numbers:
        if one.metric not in METRICS:
            raise ValueError(f"there is no metric {_short(one.metric)}")


@contextmanager
def _damage(place: str) -> Iterator[None]:
    """What does not fit in there, as an UnreadableRun that names the place."""
    try:
        yield
    except UnreadableRun:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        what = f"{problem} is missing" if isinstance(problem, KeyError) else str(problem)
        raise UnreadableRun(f"{place} is damaged: {_clipped(what)}; {_AGAIN}") from problem


def read(path: Path) -> Report:
    """What `render` made. Raises UnreadableRun."""
    with codec.no_collection():
        return _read(path)


def _read(path: Path) -> Report:
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise UnreadableRun(f"{path}: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise UnreadableRun(f"{path}: not JSON: {problem}; {_AGAIN}") from problem
    try:
        return from_document(data)
    except UnreadableRun as problem:
        raise UnreadableRun(f"{path}: {problem}") from problem


def _test(run: TestRun, numbers: Measures, text: str) -> str:
    """What can be worked out stands before what is stored."""
    told = _dump({"nodeid": run.profile.nodeid, "time": time_source(run.profile)})
    metrics = ", ".join([_measure_text(name, measure) for name, measure in numbers.items()])
    return f'{told[:-1]}, "metrics": {{{metrics}}}, {(text or codec.to_text(run))[1:]}'


def _measure_text(name: str, measure: Measure) -> str:
    """Its member of an object, as `measure_json` says; a run of ten thousand tests has two hundred thousand of them."""
    if measure.value is None or measure.estimated:
        return f'"{name}": {_dump(measure_json(name, measure))}'
    before, after = _AROUND[name]
    return f"{before}{plain_number(measure.value)!r}{after}"


_AROUND = {name: (f'"{name}": {{"value": ', f', "unit": "{metric.unit}"}}') for name, metric in METRICS.items()}


def measure_json(name: str, measure: Measure) -> dict[str, Any]:
    data: dict[str, Any] = {"value": _number(measure.value), "unit": METRICS[name].unit}
    if measure.estimated:
        data["estimated"] = True
    if measure.value is None:
        data["why"] = measure.why
    return data


def total_json(name: str, total: Total, of: str = "tests") -> dict[str, Any]:
    return {
        "value": _number(total.value),
        "unit": METRICS[name].unit,
        "estimated": total.estimated,
        f"unknown_{of}": total.unknown,
    }


def _number(value: Number | None) -> int | float | None:
    return None if value is None else plain_number(value)


def _short(value: object) -> str:
    return _clipped(repr(value), 60)


def _clipped(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def to_text(document: dict[str, Any]) -> str:
    """A line for each key, and for each item of a list: what changed shows in a diff, and a grep finds a whole test."""
    return "".join(_pieces(document))


def _pieces(document: dict[str, Any]) -> Iterator[str]:
    """Lists item by item; an iterator gives items that are text already."""
    opening = "{\n"
    for key, value in document.items():
        yield f"{opening} {_dump(key)}: "
        opening = ",\n"
        if isinstance(value, list):
            yield from _items(map(_dump, value))
        elif isinstance(value, Iterator):
            yield from _items(value)
        else:
            yield _dump(value)
    yield "\n}\n"


def _items(texts: Iterable[str]) -> Iterator[str]:
    opening, ending = "[\n  ", "[]"
    for text in texts:
        yield opening
        yield text
        opening, ending = ",\n  ", "\n ]"
    yield ending


_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode
"""What people may look for is written as they write it."""
