"""The project is found as pytest finds it."""

from __future__ import annotations

import pytest

from pytest_agentperf.options import Settings
from pytest_agentperf.rootdir import BadConfiguration, find

NATIVE = "[pytest]\nagentperf_baseline = 'perf'\nagentperf_strict = true\n"
INI = "[pytest]\nagentperf_baseline = perf\nagentperf_strict = true\nagentperf_match_ignore =\n    a.b\n    c\n"
OF_PYTEST_9 = {
    "pytest.toml": {"pytest.toml": NATIVE, "pytest.ini": "[pytest]\nagentperf_baseline = other\n"},
    "an empty .pytest.toml": {"a/.pytest.toml": "", "pytest.ini": INI},
    "tool.pytest": {"pyproject.toml": NATIVE.replace("[pytest]", "[tool.pytest]")},
}
PROJECTS = {
    **OF_PYTEST_9,
    "pytest.ini": {"pytest.ini": INI, "a/pyproject.toml": "[project]\n"},
    "an empty one, above another": {"a/pytest.ini": "", "pytest.ini": INI},
    "tox.ini": {"tox.ini": INI, "setup.cfg": "[tool:pytest]\nagentperf_baseline = other\n", "a/tox.ini": "[tox]\n"},
    "setup.cfg": {"setup.cfg": INI.replace("[pytest]", "[metadata]\nname = %x\n[tool:pytest]")},
    "pyproject.toml": {
        "pyproject.toml": "[tool.pytest.ini_options]\nagentperf_baseline = 'perf'\nagentperf_strict = true\n"
        "agentperf_cassette_max_age = 30\nagentperf_match_ignore = ['a.b', 'c']\n",
        "a/setup.py": "",
    },
    "only the name of a project": {"a/pyproject.toml": "[project]\n", "a/b/setup.py": ""},
    "setup.py": {"a/setup.py": ""},
    "nothing": {},
}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("name", PROJECTS)
def test_as_pytest_does(pytester, monkeypatch, name):
    if name in OF_PYTEST_9 and pytest.version_tuple < (9,):
        pytest.skip("pytest 9 reads these")
    here = pytester.path / "a" / "b"
    here.mkdir(parents=True)
    for file, text in PROJECTS[name].items():
        (pytester.path / file).write_text(text)
    monkeypatch.chdir(here)
    config, found = pytester.parseconfig(), find(here)
    assert found.rootpath == config.rootpath
    assert Settings.read(found) == Settings.read(config)


@pytest.mark.parametrize(
    ("name", "text"), [("pyproject.toml", "[tool"), ("tox.ini", "x = 1\n"), ("pytest.ini", "\xff")]
)
def test_a_broken_file_is_named(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(BadConfiguration) as caught:
        find(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: cannot be read: ")
