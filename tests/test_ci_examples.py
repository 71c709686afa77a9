"""The workflow files: valid by the schemas that their hosts publish, and what they run runs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
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


GH = """#!/bin/sh
case " $* " in
    *" --jq "*) jq -r "$5" comments.json ;;
    *) echo "$*" ;;
esac
"""
OURS = {"id": 7, "user": {"login": "github-actions[bot]"}, "body": "<!-- pytest-agentperf -->\n12 tests"}
STRANGERS = [
    {"id": 1, "user": {"login": "somebody"}, "body": "<!-- pytest-agentperf --> trap"},
    {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "Coverage: 93 %"},
]


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
@pytest.mark.parametrize(("comments", "asked"), [([*STRANGERS, OURS], "--method PATCH one/7"), (STRANGERS, "all")])
def test_github_replaces_its_own_comment_and_nobody_elses(tmp_path: Path, comments: list[Any], asked: str) -> None:
    (tmp_path / "gh").write_text(GH, "utf-8")
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "comments.json").write_text(json.dumps(comments), "utf-8")
    workflow = yaml.safe_load((EXAMPLES / "ci/github.yml").read_text("utf-8"))
    script = workflow["jobs"]["comment"]["steps"][-1]["run"]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COMMENTS": "all", "COMMENT": "one"}
    command = ["bash", "-e", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"api {asked} --field body=@agentperf.md\n"
