"""What a job on GitHub shows beside its log: annotations at lines of the code, and the summary of the job.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from pathlib import Path

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.report import Report
from pytest_agentperf.report import markdown
from pytest_agentperf.report.figures import count
from pytest_agentperf.report.problems import Problem, problems

_MOST = 10
"""Of each severity: GitHub drops the rest in silence."""
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def commands(report: Report) -> str:
    """A command a line, at most ten of each severity, the costliest first; empty where there is nothing to say."""
    lines = []
    found = problems(report)
    for severity in _COMMANDS:
        lines += [_command(problem) for problem in found if problem.severity == severity][:_MOST]
    return "".join(f"{line}\n" for line in lines)


def append_summary(report: Report, path: Path) -> None:
    """Add the page to the file that `GITHUB_STEP_SUMMARY` names. Raises OSError."""
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(markdown.page(report))


def _command(problem: Problem) -> str:
    place = f"file={_property(problem.path)},line={problem.line}," if problem.path else ""
    tests = f" ({count(len(problem.tests), 'test')})" if len(problem.tests) > 1 and "tests" not in problem.text else ""
    title = _property(f"agentperf {problem.check}")
    return f"::{_COMMANDS[problem.severity]} {place}title={title}::{_data(problem.text + tests)}"


def _data(text: str) -> str:
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
