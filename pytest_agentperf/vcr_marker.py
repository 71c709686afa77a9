"""`@pytest.mark.vcr` with the names and the behaviour of pytest-recording, for where neither it nor pytest-vcr is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

RECORD_MODE = pytest.StashKey[str]()
HOUSE = pytest.StashKey[Mapping[str, Any]]()
"""What the session says of every cassette, as `vcr_config` would."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vcr(*paths, **config): replay LLM traffic from a cassette (options of vcrpy)")
    config.addinivalue_line("markers", "default_cassette(name): name of the test's cassette")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("vcr"):
        item.fixturenames.append("vcr")  # type: ignore[attr-defined]


@pytest.fixture
def vcr_config() -> dict[str, Any]:
    """Options for vcrpy; override it in a conftest.py."""
    return {}


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    """`cassettes/<module>` beside the test module."""
    return str(request.path.parent / "cassettes" / request.path.stem)


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    """`<test>` or `<Class>.<test>`, without the characters that a file name cannot have."""
    if marker := request.node.get_closest_marker("default_cassette"):
        if len(marker.args) != 1:
            raise pytest.UsageError(f"{request.node.nodeid}: @pytest.mark.default_cassette expects one name")
        return str(marker.args[0])
    return _file_name(request.node.name, request.cls.__name__ if request.cls else "")


def _file_name(test: str, of_class: str) -> str:
    name = f"{of_class}.{test}" if of_class else test
    return name.translate(dict.fromkeys(map(ord, r"<>?%*:|\"'/\\"), "-"))


def default_cassette(nodeid: str) -> PurePosixPath:
    """Where the cassette of a test is if no fixture and no marker says otherwise, from the root of the project."""
    module, _, rest = nodeid.partition("::")
    names, bracket, parameters = rest.partition("[")
    *classes, test = names.split("::")
    path = PurePosixPath(module)
    name = _file_name(test + bracket + parameters, classes[-1] if classes else "")
    return path.parent / "cassettes" / path.stem / f"{name}.yaml"


@pytest.fixture
def vcr(request: pytest.FixtureRequest, vcr_cassette_dir: str, default_cassette_name: str) -> Iterator[Any]:
    """The cassette of a test marked with `vcr`; None without the marker.

    The closest marker's options win, then those of the markers around it, then `vcr_config`. Paths among a marker's
    arguments are cassettes to replay from as well.
    """
    marks = list(request.node.iter_markers("vcr"))
    if not marks:
        yield None
        return
    from pytest_agentperf.record.cassette import use_cassette

    options: dict[str, Any] = dict(request.getfixturevalue("vcr_config"))
    for mark in reversed(marks):
        options.update(mark.kwargs)
    extra = [os.path.join(vcr_cassette_dir, path) for mark in marks for path in mark.args]
    with use_cassette(
        os.path.normpath(os.path.join(vcr_cassette_dir, default_cassette_name)),
        record_mode=request.config.stash[RECORD_MODE],
        vcr_config=options,
        extra_paths=extra,
        house=request.config.stash[HOUSE],
    ) as cassette:
        yield cassette
