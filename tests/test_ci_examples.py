"""The workflow files: valid by the schemas that their hosts publish, and what they run runs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).resolve().parent.parent / "conftest_examples"
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_schema(name: str, schema: str) -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(EXAMPLES / f"ci/{name}.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def commands(name: str) -> Iterator[str]:
    """Lines of the file that call pytest or our own command."""

    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from texts(item)
        elif isinstance(value, str):
            yield value

    for text in texts(yaml.safe_load((EXAMPLES / f"ci/{name}.yml").read_text("utf-8"))):
        if text.startswith(("pytest ", "pytest-agentperf ")):
            yield text


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_they_run(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    ran = list(commands(name))
    assert len(ran) == 2
    for command in ran:
        program, *arguments = shlex.split(command)
        module = {"pytest": "pytest", "pytest-agentperf": "pytest_agentperf"}[program]
        example = [str(EXAMPLES / "quickstart")] if program == "pytest" else []
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments, *example],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    made = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {"agentperf.json", "agentperf.html"} < made
    assert made & {"agentperf.md", "gl-code-quality-report.json"}
