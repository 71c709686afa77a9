"""Baselines as they are in another revision of the project. Asks git, and only git, for them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pytest_agentperf.judge.baselines import Source

_PATIENCE_S = 20


class GitError(RuntimeError):
    """Git does not say; the message has its words."""


def target(environment: Mapping[str, str]) -> str | None:
    """The branch that a pull request on GitHub or GitLab goes to; None where there is none."""
    if branch := environment.get("GITHUB_BASE_REF"):
        return f"origin/{branch}"
    return environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA") or None


def merge_base(root: Path, ref: str) -> str:
    """The commit where the working tree left `ref`. Raises GitError."""
    return _git(root, "merge-base", "HEAD", ref).decode().strip()


def from_git(root: Path, revision: str) -> Source:
    """Reads files of a revision, by their paths from `root`; each asks git once. Raises GitError for an unknown one."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit_id = commit.decode().strip()
    prefix = _git(root, "rev-parse", "--show-prefix").decode().strip()
    listed = _git(root, "ls-tree", "-r", "--name-only", "-z", "--full-tree", commit_id).decode().split("\0")
    there = {name.removeprefix(prefix) for name in listed if name.startswith(prefix) and name.endswith(".txt")}

    def read(path: PurePosixPath) -> str | None:
        if str(path) not in there:
            return None
        return _git(root, "cat-file", "blob", f"{commit_id}:{prefix}{path}").decode("utf-8")

    return read


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - git, with arguments of ours
            ["git", *arguments],  # noqa: S607 - the user's own
            cwd=root,
            capture_output=True,
            check=True,
            timeout=_PATIENCE_S,
        )
    except FileNotFoundError:
        raise GitError("there is no git") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} took longer than {_PATIENCE_S} s") from None
    except subprocess.CalledProcessError as problem:
        words = problem.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(f"git {' '.join(arguments)}: {words[-1] if words else f'status {problem.returncode}'}") from None
    return done.stdout
