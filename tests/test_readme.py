"""What the README shows is so: its code stands in an example that the tests run, its output is what its commands print; so
is that of the examples' own pages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted((ROOT / "conftest_examples").glob("*/README.md"))


def blocks(*languages: str, text: str = README) -> list[str]:
    found = re.finditer(r"^ *```(?P<language>\w+)\n(?P<body>.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [dedent(match["body"]) for match in found if match["language"] in languages]


SESSIONS = blocks("console") + [
    session for page in PAGES for session in blocks("console", text=page.read_text("utf-8"))
]
EXAMPLES = [
    dedent(path.read_text("utf-8"))
    for path in sorted((ROOT / "conftest_examples").rglob("*"))
    if path.suffix in (".py", ".yaml") and "cassettes" not in path.parts
]


def test_it_is_short():
    assert len(README.splitlines()) < 300


def test_no_block_is_forgotten():
    assert len(blocks("console", "python", "yaml", "sh")) == README.count("```") // 2


@pytest.mark.parametrize("code", blocks("python", "yaml"))
def test_code_is_of_an_example(code):
    indented = code.replace("\n", "\n    ").rstrip(" ")
    assert any(code in example or indented in example for example in EXAMPLES)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.partition("\n")[0])
def test_output_is_what_the_command_prints(session, tmp_path):
    """A line `...` stands for lines that are left out."""
    command, _, expected = session.removeprefix("$ ").partition("\n")
    shutil.copytree(ROOT / "conftest_examples", tmp_path / "conftest_examples")
    environment = {
        **os.environ,
        "COLUMNS": "100",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTEST_ADDOPTS": "-p no:randomly -p no:cacheprovider",
    }
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    at = 0
    for part in filter(None, re.split(r"^\.\.\.\n", expected, flags=re.MULTILINE)):
        assert part in done.stdout[at:], done.stdout + done.stderr
        at += done.stdout[at:].index(part) + len(part)
