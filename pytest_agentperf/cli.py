"""`pytest-agentperf`: what can be done without running a test."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pytest_agentperf import comparing, inspection, reviewing
from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.analyze.rules.table import index, matching
from pytest_agentperf.judge.baseline_file import BadBaseline
from pytest_agentperf.judge.limits_file import LimitsFileError, read_limits_file
from pytest_agentperf.judge.revisions import GitError
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.price.cost import OwnPrice, table_version
from pytest_agentperf.record.file_formats import Damage, NoCassette
from pytest_agentperf.report import cassettes
from pytest_agentperf.report.figures import count
from pytest_agentperf.report.formats import FORMATS, write
from pytest_agentperf.report.json_file import UnreadableRun, read, to_text
from pytest_agentperf.report.merging import merge
from pytest_agentperf.report.terminal import render
from pytest_agentperf.rootdir import BadConfiguration, find


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Arguments to exit status. Raises UnreadableRun, LimitsFileError, BadConfiguration, BadBaseline, GitError and OSError."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0; 1 where `compare` finds something worse; 2 where arguments or files are not as they should be (one line each on stderr)."""
    parser = argparse.ArgumentParser(prog="pytest-agentperf", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('pytest-agentperf')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.help, description=command.help)
        command.arguments(subparser)
        subparser.set_defaults(run=command.run)
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except (UnreadableRun, LimitsFileError, BadConfiguration, BadBaseline, GitError) as problem:
        sys.stderr.write(f"pytest-agentperf: {problem}\n")
        return 2
    except BrokenPipeError:  # `... | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        place = f"{problem.filename}: " if problem.filename else ""
        sys.stderr.write(f"pytest-agentperf: {place}{problem.strerror or problem}\n")
        return 2
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


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", type=Path, nargs="+", help="a cassette of any recorder, or a folder of them"
    )
    parser.add_argument("--json", action="store_true", help="everything, each call too, as JSON")
    parser.add_argument("--width", type=_positive, help="columns of the output (default: those of the terminal)")
    parser.add_argument(
        "--prices",
        metavar="YAML",
        type=Path,
        help="file with a section `prices` (default: what the project's agentperf.yaml and ini say)",
    )


def _inspect(arguments: argparse.Namespace) -> int:
    """A file that cannot be read ends nothing but the good status; what is no cassette at all counts if it was named."""
    prices = _own_prices(arguments.prices)
    profiles: list[Profile] = []
    problems: list[tuple[str, str]] = []
    for path in _progress(list(inspection.files(arguments.paths))):
        try:
            profiles.append(inspection.inspect(path, own_prices=prices))
        except (Damage, OSError) as problem:
            if not isinstance(problem, NoCassette) or path in arguments.paths:
                problems.append((path.as_posix(), getattr(problem, "strerror", None) or str(problem)))
    if arguments.json:
        versions = {"pytest-agentperf": version("pytest-agentperf"), "prices": table_version() or "none"}
        sys.stdout.write(to_text(cassettes.to_document(profiles, problems, versions)))
    elif profiles or not problems:
        width = arguments.width or shutil.get_terminal_size().columns
        for line in cassettes.render(profiles, width=width, color=_colored()):
            sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    for name, reason in problems:
        sys.stderr.write(f"pytest-agentperf: {name}: {reason}\n")
    return 2 if problems else 0


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def _rules(arguments: argparse.Namespace) -> int:
    sys.stdout.write(f"{index()}`pytest-agentperf explain AP101` shows the page of one.\n")
    return 0


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rules", metavar="RULE", type=_rules_of, help="AP101; AP1 for all that begin so; or a name")


def _explain(arguments: argparse.Namespace) -> int:
    sys.stdout.write("\n".join(rule.document for rule in arguments.rules))
    return 0


def _rules_of(given: str) -> tuple[Rule, ...]:
    if found := matching(given):
        return found
    raise argparse.ArgumentTypeError(f"no rule {given!r}; `pytest-agentperf rules` lists them")


def _own_prices(path: Path | None) -> Mapping[str, OwnPrice]:
    if path is None:
        return comparing.Project.here().own_prices
    return {model: OwnPrice(**prices) for model, prices in read_limits_file(path, str(path)).prices.items()}


def _progress(paths: Sequence[Path]) -> Iterator[Path]:
    """On a terminal, after half a second and ten times a second, a line that goes away at the end."""
    due, shown = time.monotonic() + 0.5, False
    for number, path in enumerate(paths):
        if time.monotonic() >= due and sys.stderr.isatty():
            sys.stderr.write(f"\rread {number:,} of {count(len(paths), 'file')}\x1b[K")
            sys.stderr.flush()
            due, shown = time.monotonic() + 0.1, True
        yield path
    if shown:
        sys.stderr.write("\r\x1b[K")


def _colored() -> bool:
    """On a terminal, unless https://no-color.org says no."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


_positive.__name__ = "positive number"  # argparse names the type by it: "invalid positive number value: '0'"


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_files", metavar="RUN.JSON", type=Path, nargs="+", help="what --agentperf-json wrote")
    for one in FORMATS.values():
        parser.add_argument(f"--{one.name}", metavar="PATH", help=f"{one.help} (`-`: to the terminal)")


def _report(arguments: argparse.Namespace) -> int:
    merged = merge([read(path) for path in arguments.run_files])
    wanted = {name: path for name in FORMATS if (path := getattr(arguments, name))}
    if not wanted:
        sys.stderr.write(f"pytest-agentperf report: say which: {', '.join(f'--{name} PATH' for name in FORMATS)}\n")
        return 2
    for name, path in wanted.items():
        if path == "-":
            FORMATS[name].write(merged, sys.stdout)
            continue
        try:
            write(merged, name, Path(path))
        except OSError as problem:
            sys.stderr.write(f"pytest-agentperf: {path} cannot be written: {problem.strerror}\n")
            return 2
        sys.stderr.write(f"wrote {path}\n")
    return 0


def _merge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_files", metavar="RUN.JSON", type=Path, nargs="+", help="what --agentperf-json wrote")
    parser.add_argument(
        "-o", "--output", metavar="PATH", dest="json", help="default: the standard output, unless that is a terminal"
    )
    parser.set_defaults(**{name: None for name in FORMATS if name != "json"})


def _merge(arguments: argparse.Namespace) -> int:
    if not arguments.json and sys.stdout.isatty():
        sys.stderr.write("pytest-agentperf merge: say where to: -o FILE, or -o - for the terminal\n")
        return 2
    arguments.json = arguments.json or "-"
    return _report(arguments)


def _compare(arguments: argparse.Namespace) -> int:
    return comparing.run_compare(arguments, shutil.get_terminal_size().columns, color=_colored())


def _review(arguments: argparse.Namespace) -> int:
    return reviewing.run_review(arguments, shutil.get_terminal_size().columns, color=_colored(), ask=input)


def _orphans_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_file", metavar="RUN.JSON", type=Path, help="what --agentperf-json wrote, of all tests")
    parser.add_argument(
        "paths", metavar="PATH", type=Path, nargs="*", help="folders of cassettes (default: each one named `cassettes`)"
    )


def _orphans(arguments: argparse.Namespace) -> int:
    tests = read(arguments.run_file).tests
    root = find(Path.cwd()).rootpath
    used = {(root / use.path).resolve() for test in tests for use in test.profile.cassettes}
    folders = arguments.paths or sorted(path for path in Path().rglob("cassettes") if path.is_dir())
    found = [path for path in inspection.files(folders) if path.resolve() not in used and inspection.is_cassette(path)]
    for path in found:
        sys.stdout.write(f"{path.as_posix()}\n")
    sys.stderr.write(f"{count(len(found), 'orphan')} of a run of {count(len(tests), 'test')}\n")
    return 1 if found else 0


COMMANDS = (
    Command(
        name="compare",
        help="why two runs, or two git revisions of the baselines, differ",
        arguments=comparing.compare_arguments,
        run=_compare,
    ),
    Command(
        name="review",
        help="walk through the causes of a stored run and accept them into the baselines",
        arguments=reviewing.review_arguments,
        run=_review,
    ),
    Command(
        name="report",
        help="make any report of a stored run, or of the shards of one",
        arguments=_report_arguments,
        run=_report,
    ),
    Command(name="merge", help="the shards of a run as one", arguments=_merge_arguments, run=_merge),
    Command(name="show", help="print the summary of a stored run", arguments=_show_arguments, run=_show),
    Command(name="rules", help="list what tests can be failed for", arguments=_no_arguments, run=_rules),
    Command(
        name="explain",
        help="a rule: what it sees, why that costs, what to do",
        arguments=_explain_arguments,
        run=_explain,
    ),
    Command(
        name="orphans",
        help="list cassettes that no test of a run opened; the status is 1 where there are any",
        arguments=_orphans_arguments,
        run=_orphans,
    ),
    Command(
        name="inspect",
        help="calls, tokens, cost, tools, turns and latency in cassettes of any recorder",
        arguments=_inspect_arguments,
        run=_inspect,
    ),
)
