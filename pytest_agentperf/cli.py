"""`pytest-agentperf`: what can be done with a run after it is over."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_agentperf.report.json_file import UnreadableRun, read
from pytest_agentperf.report.terminal import render


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Arguments to exit status. Raises UnreadableRun."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0; 2 where arguments or files are not as they should be (one line on stderr)."""
    parser = argparse.ArgumentParser(prog="pytest-agentperf", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(subparser)
        subparser.set_defaults(run=command.run)
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except UnreadableRun as problem:
        sys.stderr.write(f"pytest-agentperf: {problem}\n")
        return 2
    except BrokenPipeError:  # `... | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_file", metavar="RUN.JSON", type=Path, help="what --agentperf-json wrote")
    parser.add_argument("--width", type=_positive, help="columns of the output (default: those of the terminal)")
    parser.add_argument("--rows", type=_positive, default=20, help="list at most so many tests (default: %(default)s)")


def _show(arguments: argparse.Namespace) -> int:
    width = arguments.width or shutil.get_terminal_size().columns
    for line in render(read(arguments.run_file), width=width, color=_colored(), max_rows=arguments.rows):
        sys.stdout.write(f"{line}\n")
    return 0


def _colored() -> bool:
    """On a terminal, unless https://no-color.org says no."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


_positive.__name__ = "positive number"  # argparse names the type by it: "invalid positive number value: '0'"

COMMANDS = (Command(name="show", help="print the summary of a stored run", arguments=_show_arguments, run=_show),)
