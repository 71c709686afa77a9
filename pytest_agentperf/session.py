"""A run of pytest: which tests are measured and how, and what is told of them at the end.

The rooms are imported where they are needed, so that a session that measures nothing loads none of them.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import pytest

from pytest_agentperf import markers, node_id, orders, vcr_marker
from pytest_agentperf.guard import Guard
from pytest_agentperf.markers import POLICY
from pytest_agentperf.options import Settings
from pytest_agentperf.project import Project
from pytest_agentperf.publish import publish, workflow_commands
from pytest_agentperf.roll import Roll

if TYPE_CHECKING:
    from pytest_agentperf.gating import Gate
    from pytest_agentperf.model.report import Report
    from pytest_agentperf.run import Run

SESSION = pytest.StashKey["Session"]()
RUN: pytest.StashKey[Run] = pytest.StashKey()


class Session:
    """One a pytest process; with xdist one in each worker, and one in the controller that collects and reports."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.guard = Guard()
        self.settings = Settings.read(config)
        self.project = Project(config, self.settings)
        self._tests: dict[str, str] = {}
        self._closing = ExitStack()
        self._open_run: Run | None = None
        self.usage_error = ""
        self._announced = False
        self.roll = Roll()
        self.problems: list[str] = []
        """What went wrong outside of us, to be told at the end."""
        self.written: list[str] = []
        """Paths of reports."""

    def open(self) -> None:
        """Once, when pytest is configured."""
        manager = self.config.pluginmanager
        if not (manager.has_plugin("recording") or manager.has_plugin("vcr")):
            self.config.stash[vcr_marker.RECORD_MODE] = self.project.record_mode
            self.config.stash[vcr_marker.HOUSE] = self.project.house
            manager.register(vcr_marker, "agentperf-vcr-marker")
        from pytest_agentperf import agent_benchmark

        manager.register(
            agent_benchmark if manager.has_plugin("benchmark") else agent_benchmark.Missing(), "agentperf-benchmark"
        )
        if self.settings.enabled and self.settings.pace == "virtual":
            self._install_clock()

    def _install_clock(self) -> None:
        from pytest_agentperf.clock.bubble import install, uninstall

        install()
        self._closing.callback(uninstall)
        platform.processor()  # SDKs ask once a process, which runs `uname`: a real wait, and in the first test only

    def close(self) -> None:
        with self._closing:
            if (sources := sys.modules.get("pytest_agentperf.record.tools.sources")) is not None:
                sources.stop_watching()
            if self._open_run is not None:  # Ctrl-C: pytest tears its test down without a report
                self._open_run.close()

    def ignores(self, path: Path) -> bool | None:
        """Pytest reads `test*.txt` for doctests; a baseline is none."""
        return True if path.name == self.settings.baseline else None

    # -- before the tests ----------------------------------------------------------------------------------------------

    def plan(self, items: list[pytest.Item]) -> None:
        """Attach to each test its limits. Raises pytest.UsageError for one that cannot be read.

        A worker of xdist cannot end the run with a clean message: it gives up its tests and lets the controller tell.
        """
        try:
            self._plan(items)
        except pytest.UsageError as problem:
            if not self.worker:
                raise
            self.usage_error = str(problem)
            items.clear()

    def _plan(self, items: list[pytest.Item]) -> None:
        self.project.read()
        globs = self.project.limits_file.globs if self.project.limits_file else ()
        for item in items:
            with self.guard:
                limits = list(markers.limits(item))
                if globs and self.project.limits_file:
                    limits += self.project.limits_file.limits(node_id.of(item))
                if limits:
                    from pytest_agentperf.judge.limits import closest

                    item.stash[orders.LIMITS] = closest(limits)
                if self.project.policy or item.get_closest_marker("agentperf"):
                    from pytest_agentperf.judge.findings import Policy

                    item.stash[POLICY] = markers.policy(item, self.project.policy or Policy())
        own = self.settings, self.project
        if any(orders.measured(item, self.settings) and orders.pace(item, *own) == "virtual" for item in items):
            self._install_clock()
        if self.gate:
            self.gate.plan(items)
        self.announce(item.nodeid for item in items)

    def announce(self, nodeids: Iterable[str]) -> None:
        """Say what the last recordings cost, before tests are recorded anew. Under xdist its controller does, once."""
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        asked = self.settings.enabled or "record" in self.settings.asked
        if self.worker or self._announced or not terminal or not asked or self.project.record_mode == "none":
            return
        self._announced = True
        from pytest_agentperf.judge.baselines import Baselines, Tree
        from pytest_agentperf.last_cost import last_cost

        root = self.config.rootpath
        baselines = Baselines(Tree(root), self.settings.baseline, self.project.own_prices, lenient=True)
        if told := last_cost((node_id.plain(nodeid, self.config) for nodeid in nodeids), root, baselines):
            terminal.write_line(f"agentperf: {told}")

    @cached_property
    def gate(self) -> Gate | None:
        """What holds tests against their baselines; None where nobody asked for it."""
        if not self.settings.enabled:
            return None
        from pytest_agentperf.gating import Gate

        of_path = self.project.limits_file.thresholds if self.project.limits_file else lambda _: {}
        return Gate(self.config, self.settings, self.project.own_prices, of_path)

    # -- around one test -----------------------------------------------------------------------------------------------

    def prepare(self, item: pytest.Item) -> None:
        """Before the fixtures: a new run for this try of the test, and our cassettes in place of vcrpy's."""
        self.forget(item)
        if orders.measured(item, self.settings):
            item.stash[RUN] = self.run(item)

    def run(self, item: pytest.Item) -> Run:
        from pytest_agentperf.run import Run

        self._open_run = Run(item, orders.of(item, self.settings, self.project, self.gate))
        return self._open_run

    @contextmanager
    def measure(self, item: pytest.Item) -> Iterator[None]:
        """Around the test's body: record it, then judge it. Raises LimitExceeded, or Stopped for a stop, eaten or not."""
        run = item.stash.get(RUN, None)
        if run is None:
            yield
            return
        started = False
        with self.guard:
            run.start()
            started = True
        ending: BaseException | None = None
        try:
            yield
        except BaseException as error:  # noqa: BLE001  (raised again below, or what it was a consequence of)
            ending = error
        with self.guard:
            run.stop()
            if started:
                run.judge(ending)
        with self.guard:
            ending = run.verdict(ending)
        self.guard.bugs.extend(bug for bug in run.recorder.bugs if bug not in self.guard.bugs)
        if ending is not None:
            raise ending

    def attach(self, report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if RUN in item.stash:
            item.stash[RUN].attach(report, call, self.worker)

    def forget(self, item: pytest.Item) -> None:
        """The test is over, or is about to be tried again."""
        if RUN in item.stash:
            run, self._open_run = item.stash[RUN], None
            del item.stash[RUN]
            run.close()

    # -- after the tests -----------------------------------------------------------------------------------------------

    @property
    def worker(self) -> str:
        """xdist's name of this process; empty in the controller and without xdist."""
        return str(getattr(self.config, "workerinput", {}).get("workerid", ""))

    def collect(self, report: pytest.TestReport) -> None:
        nodeid = node_id.plain(report.nodeid, self.config)
        self.roll.called(nodeid, report)
        if (data := getattr(report, "agentperf", None)) and not self.worker:
            self._tests[nodeid] = data

    def told_by(self, worker: dict[str, Any]) -> None:
        """What a worker has to say beside its tests. Ends the run where its collection met a usage error."""
        self.guard.bugs.extend(bug for bug in worker.get("bugs", ()) if bug not in self.guard.bugs)
        self.roll.hear(worker)
        if problem := worker.get("usage_error"):
            pytest.exit(problem, returncode=pytest.ExitCode.USAGE_ERROR)

    def finish(self, exitstatus: int) -> None:
        if self.worker:
            self.config.workeroutput["agentperf"] = {  # type: ignore[attr-defined]
                "bugs": self.guard.bugs,
                "usage_error": self.usage_error,
                **self.roll.told(whole=self._wants_whole),
            }
            return
        done = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        complete = self.roll.complete(self.config) if done and self._wants_whole else ()
        if self.project.limits_file and any(self.config.rootpath.is_relative_to(path) for path in complete):
            for glob in self.project.limits_file.idle(self.roll.ran):
                self.problems.append(f"{self.settings.limits_path}: {glob!r} matches no test: nothing of it is checked")
        with self.guard:
            if self.gate:
                self._compare(self.gate, complete)
        self.problems += publish(self.settings, lambda: self.report, self.written)

    def _compare(self, gate: Gate, complete: Sequence[Path]) -> None:
        from pytest_agentperf.judge.baseline_file import BadBaseline

        try:
            self.report = gate.finish(self.report, self.roll.ran, complete)
        except (OSError, BadBaseline) as problem:
            self.problems.append(f"baselines: {problem}")
        self.problems += [f"baselines: {problem}" for problem in gate.problems]

    @property
    def _wants_whole(self) -> bool:
        """Whether it matters that each test that there is has run."""
        return bool(self.gate or self.project.limits_file)

    @cached_property
    def report(self) -> Report:
        """Of the whole run, once its last test is over."""
        from pytest_agentperf.judge import cassettes, revisions
        from pytest_agentperf.model.codec import from_text, no_collection
        from pytest_agentperf.model.report import Report, TestRun
        from pytest_agentperf.price.cost import table_version

        texts = [self._tests[nodeid] for nodeid in sorted(self._tests)]
        with no_collection():
            tests = [from_text(TestRun, text) for text in texts]
        notes = cassettes.notes(
            tests,
            tell_unplayed=self.settings.unplayed == "report",
            max_age_days=self.settings.cassette_max_age,
            now=time.time(),
        )
        versions = {"pytest-agentperf": version("pytest-agentperf"), "prices": table_version() or "none"}
        return Report(
            tests=tuple(tests),
            notes=tuple(notes),
            bugs=tuple(self.guard.bugs),
            versions=tuple(versions.items()),
            commit=revisions.head(self.config.rootpath) if self.settings.json_path else "",
            texts=tuple(texts),
        )

    def summarize(self, terminal: pytest.TerminalReporter) -> None:
        """Everything under `--agentperf`; else only what somebody must know."""
        lines: list[str] = []
        told = len(self.guard.bugs) if self.settings.enabled else 0
        with self.guard:
            lines = self._summary(terminal)
        for bug in self.guard.bugs[told if lines else 0 :]:  # what is broken may be the report itself
            lines.append(f"bug in agentperf, which changed no outcome; please report it: {bug}")
        with self.guard:
            lines += workflow_commands(self.settings, lambda: self.report)
        if self.written:
            lines.append(f"agentperf: wrote {', '.join(self.written)}")
        for line in (*lines, *self.problems):
            terminal.write_line(line)

    def _summary(self, terminal: pytest.TerminalReporter) -> list[str]:
        if self.settings.enabled:
            from pytest_agentperf.judge import suggest
            from pytest_agentperf.report.terminal import render

            suggested = suggest.render(self.report.tests) if self.settings.suggest else []
            rows = len(self._tests) if self.config.option.verbose > 0 else 20
            bugs = tuple(self.guard.bugs)
            told = render(
                self.report if bugs == self.report.bugs else replace(self.report, bugs=bugs),
                width=get_terminal_size().columns,
                color=terminal.hasmarkup,
                max_rows=rows,
            )
            return [*told, *([""] if suggested else []), *suggested]
        if not self._tests:
            return []
        profiles = [test.profile for test in self.report.tests]
        notes = dict.fromkeys(note for profile in profiles for note in (*profile.notes, *profile.unmodelled))
        notes.update(dict.fromkeys(self.report.notes))
        return [f"agentperf: {note}" for note in notes]


def run_of(item: pytest.Item) -> Run:
    """The run of a test; made here where its preparation failed."""
    if RUN not in item.stash:
        item.stash[RUN] = item.config.stash[SESSION].run(item)
    return item.stash[RUN]
