"""A bug of ours must not change the outcome of anybody's test: it is caught, kept and told once, at the end."""

from __future__ import annotations

from types import TracebackType

import pytest


class Guard:
    """`with guard:` around our own work. Usage errors and pytest.exit pass, as does all that is no Exception."""

    def __init__(self) -> None:
        self.bugs: list[str] = []
        """One line each, without repetition."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        if not isinstance(error, Exception) or isinstance(error, (pytest.UsageError, pytest.exit.Exception)):
            return False
        self.keep(error)
        return True

    def keep(self, error: BaseException) -> None:
        from pytest_agentperf.model import bug

        if (line := bug.line(error)) not in self.bugs:
            self.bugs.append(line)
