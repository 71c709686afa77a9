"""The table of reports: every one is a text made of a `Report`, now or later from its JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pytest_agentperf.judge.whole_file import whole_file
from pytest_agentperf.model.codec import no_collection
from pytest_agentperf.model.report import Report
from pytest_agentperf.report import codequality, github, html, json_file, markdown, series, trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    name: str
    help: str
    render: Callable[[Report], str | Iterator[str]]
    """The text, or where it is large its pieces."""

    def write(self, report: Report, file: TextIO) -> None:
        """Raises OSError."""
        with no_collection():
            made = self.render(report)
            file.writelines([made] if isinstance(made, str) else made)


FORMATS = {
    one.name: one
    for one in (
        Format(name="json", help="everything, for programs and for later", render=json_file.render),
        Format(name="markdown", help="a page for the summary of a CI job", render=markdown.page),
        Format(name="comment", help="a short page for a pull request", render=markdown.comment),
        Format(name="html", help="everything in one page for a browser", render=html.render),
        Format(name="trace", help="timelines for Perfetto and speedscope", render=trace.render),
        Format(name="annotations", help="GitHub's workflow commands", render=github.commands),
        Format(name="codequality", help="GitLab's code quality report", render=codequality.render),
        Format(name="benchmark", help="the shape of pytest-benchmark's JSON", render=series.pytest_benchmark),
        Format(name="smaller", help="`customSmallerIsBetter`", render=series.smaller_is_better),
    )
}


def write(report: Report, name: str, path: Path) -> None:
    """Whole or not at all. Raises OSError."""
    with whole_file(path) as file:
        FORMATS[name].write(report, file)
