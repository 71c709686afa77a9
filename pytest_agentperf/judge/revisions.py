"""Baselines as they are in another revision of the project. Asks git, and only git, for them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

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


def head(root: Path) -> str:
    """The commit that is checked out; empty where git does not say."""
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    except GitError:
        return ""


class Revision:
    """Files of a revision, by their paths from `root`; each asks git once. Raises GitError for an unknown one."""

    def __init__(self, root: Path, revision: str) -> None:
        commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        self._root, self._commit = root, commit.decode().strip()
        self._prefix = os.fsdecode(_git(root, "rev-parse", "--show-prefix")).removesuffix("\n")
        listed = os.fsdecode(_git(root, "ls-tree", "-r", "--name-only", "-z", "--full-tree", self._commit)).split("\0")
        names = (name.removeprefix(self._prefix) for name in listed if name.startswith(self._prefix))
        self._paths = dict.fromkeys(PurePosixPath(name) for name in names if name.endswith(".txt"))

    def read(self, path: PurePosixPath) -> str | None:
        there = path if path in self._paths else self._moved.get(path)
        if there is None:
            return None
        return _git(self._root, "cat-file", "blob", f"{self._commit}:{self._prefix}{there}").decode("utf-8")

    @cached_property
    def _moved(self) -> Mapping[PurePosixPath, PurePosixPath]:
        """Where files that git tracks stood in this revision under another name, as far as git knows them again."""
        which = ("--diff-filter=R", "--find-renames", "--relative", "--name-status", "-z")
        told = os.fsdecode(_git(self._root, "diff", *which, self._commit, "--", "*.txt")).split("\0")
        return {PurePosixPath(new): PurePosixPath(old) for old, new in zip(told[1::3], told[2::3], strict=True)}

    def paths(self) -> Iterable[PurePosixPath]:
        return tuple(self._paths)


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
