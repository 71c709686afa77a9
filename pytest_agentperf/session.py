"""From a pytest item to its profile and its verdict, and from all of them to the summary.

The rooms are imported where they are needed, so that a session that measures nothing loads none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import pytest

from pytest_agentperf import markers, vcr_marker
from pytest_agentperf.guard import Guard
from pytest_agentperf.options import Settings

if TYPE_CHECKING:
    from pytest_agentperf.clock.bubble import Bubble
    from pytest_agentperf.clock.kernel import ClockError
    from pytest_agentperf.judge.budget import TokenBudget
    from pytest_agentperf.judge.limits_file import LimitsFile
    from pytest_agentperf.model.limit import Limit
    from pytest_agentperf.model.profile import Profile
    from pytest_agentperf.model.recording import Reading
    from pytest_agentperf.model.report import Report, TestRun
    from pytest_agentperf.price.cost import OwnPrice
    from pytest_agentperf.profiler import Profiler

SESSION = pytest.StashKey["Session"]()
LIMITS: pytest.StashKey[tuple[Limit, ...]] = pytest.StashKey()
FIXTURES = frozenset({"profiler", "token_budget"})


class Run:
    """One test while it runs."""

    def __init__(self, session: Session, item: pytest.Item) -> None:
        from pytest_agentperf.model.profile import ClockKind
        from pytest_agentperf.record.recorder import Recorder

        self.item = item
        self.limits = item.stash.get(LIMITS, ())
        self.own_prices = session.own_prices
        pace = session.pace(item)
        self.clock = {"virtual": ClockKind.VIRTUAL, "instant": ClockKind.INSTANT}.get(pace, ClockKind.REAL)
        self.recorder = Recorder(clock=self.clock, replay_waits=pace in ("virtual", "real"))
        self.recorder.nodeid = _from_here(item)
        self.priced = session.settings.enabled or any(limit.metric == "cost" for limit in self.limits)
        self.around = ExitStack()
        """What stays open from the test's setup to its teardown."""
        self.bubble: Bubble | None = None
        self.clock_error: ClockError | None = None
        self.result: TestRun | None = None

    @cached_property
    def profiler(self) -> Profiler:
        from pytest_agentperf.profiler import Profiler

        return Profiler(self.recorder, nodeid=self.item.nodeid, own_prices=self.own_prices)

    @cached_property
    def budget(self) -> TokenBudget:
        from pytest_agentperf.judge.budget import TokenBudget
        from pytest_agentperf.price.cost import price
        from pytest_agentperf.price.tokens import estimate

        def gate(reading: Reading) -> None:
            budget.gate(reading.call, reading.call.usage or estimate(reading))

        budget = TokenBudget(self.profiler.profile, lambda call: price(call, self.own_prices))
        self.recorder.gates.append(gate)
        return budget

    def profile(self) -> Profile:
        from pytest_agentperf.pipeline import profile

        recording = self.recorder.recording()
        priced = self.priced or ("budget" in self.__dict__ and self.budget.counts_money)
        return profile(recording, nodeid=self.item.nodeid, priced=priced, own_prices=self.own_prices)

    def start(self) -> None:
        """Taps in, clock on, recorder open."""
        from pytest_agentperf.model.profile import ClockKind
        from pytest_agentperf.record.taps.live import installed

        with ExitStack() as stack:
            stack.enter_context(installed())
            if self.clock is ClockKind.VIRTUAL:
                from pytest_agentperf.clock.bubble import bubble

                self.bubble = stack.enter_context(bubble())
            stack.enter_context(self.recorder)
            self._open = stack.pop_all()

    def stop(self) -> None:
        from pytest_agentperf.clock.kernel import ClockError

        try:
            self._open.close()
        except ClockError as error:
            self.clock_error = error
        if self.bubble:
            for note in self.bubble.notes:
                self.recorder.note(note)

    def judge(self) -> None:
        """Make the profile and hold it against the limits."""
        from pytest_agentperf.judge.limits import check, unjudged
        from pytest_agentperf.model.report import TestRun

        profile = self.profile()
        if note := unjudged(profile, self.limits):
            profile = replace(profile, notes=(*profile.notes, note))
        budgets = self.budget.limits if "budget" in self.__dict__ else ()
        violations = check(profile, (*self.limits, *budgets))
        self.result = TestRun(profile=profile, outcome="", violations=violations)

    def verdict(self, failure: BaseException | None) -> BaseException | None:
        """What the test's body ends with. A stop wins over what the agent made of it; limits judge only a body that passed."""
        from pytest_agentperf.clock.kernel import ClockError
        from pytest_agentperf.judge.limits import LimitExceeded, Stopped
        from pytest_agentperf.record.recorder import Stop

        told = getattr(self.item, "_excinfo", None)  # where pytest keeps the failures of a unittest.TestCase
        stops = [*self.recorder.stops, *([self.clock_error] if self.clock_error else [])]
        if stops and (failure is None or isinstance(failure, (Exception, Stop, ClockError))):
            if told:
                told.clear()
            return Stopped(stops)
        if failure is None and not told and self.result and self.result.violations:
            return LimitExceeded(self.result.violations)
        return failure


RUN = pytest.StashKey[Run]()


class Session:
    """One a pytest process; with xdist one in each worker, and one in the controller that collects and reports."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.guard = Guard()
        self.settings = Settings.read(config)
        self.notes: list[str] = []
        self._tests: dict[str, Any] = {}
        self._closing = ExitStack()
        self.usage_error = ""

    def open(self) -> None:
        """Once, when pytest is configured."""
        manager = self.config.pluginmanager
        if not (manager.has_plugin("recording") or manager.has_plugin("vcr")):
            self.config.stash[vcr_marker.RECORD_MODE] = self.record_mode
            manager.register(vcr_marker, "agentperf-vcr-marker")
        if self.settings.enabled and self.settings.pace == "virtual":
            self._install_clock()

    def _install_clock(self) -> None:
        from pytest_agentperf.clock.bubble import install, uninstall

        install()
        self._closing.callback(uninstall)

    def close(self) -> None:
        self._closing.close()

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
        globs = self.limits_file.globs if self.limits_file else ()
        for item in items:
            limits = list(markers.limits(item))
            if globs and self.limits_file:
                limits += self.limits_file.limits(item.nodeid)
            if limits:
                from pytest_agentperf.judge.limits import closest

                item.stash[LIMITS] = closest(limits)
        if any(self.measures(item) and self.pace(item) == "virtual" for item in items):
            self._install_clock()

    @cached_property
    def limits_file(self) -> LimitsFile | None:
        path = self.config.rootpath / self.settings.limits_path
        if not path.exists():
            if "limits_path" in self.settings.asked:
                raise pytest.UsageError(f"agentperf_limits: there is no file {path}")
            return None
        from pytest_agentperf.judge.limits_file import LimitsFileError, read_limits_file

        try:
            return read_limits_file(path, self.settings.limits_path)
        except LimitsFileError as problem:
            raise pytest.UsageError(str(problem)) from None

    @cached_property
    def own_prices(self) -> dict[str, OwnPrice]:
        if not self.limits_file or not self.limits_file.prices:
            return {}
        from pytest_agentperf.price.cost import OwnPrice

        return {model: OwnPrice(**prices) for model, prices in self.limits_file.prices.items()}

    def measures(self, item: pytest.Item) -> bool:
        return (
            self.settings.enabled or LIMITS in item.stash or not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
        )

    @cached_property
    def record_mode(self) -> str:
        """Of every cassette in a measured test: ours if it was asked for, else another recorder's flag, else `none`."""
        if "record" in self.settings.asked:
            return self.settings.record
        theirs = next(
            filter(None, (self.config.getoption(name, None) for name in ("record_mode", "vcr_record"))), "none"
        )
        return {"new_episodes": "new", "any": "new", "rewrite": "new"}.get(theirs, theirs)

    def pace(self, item: pytest.Item) -> str:
        """How the replays of this test wait. Time is virtual only where a cassette answers; all else runs in real time."""
        replays = item.get_closest_marker("vcr") is not None
        if not replays and self.config.pluginmanager.has_plugin("vcr"):  # pytest-vcr's fixtures open one as well
            replays = not {"vcr", "vcr_cassette"}.isdisjoint(getattr(item, "fixturenames", ()))
        return self.settings.pace if replays and self.record_mode == "none" else "real"

    # -- around one test -----------------------------------------------------------------------------------------------

    def prepare(self, item: pytest.Item) -> None:
        """Before the fixtures: a new run for this try of the test, and our cassettes in place of vcrpy's."""
        if RUN in item.stash:
            del item.stash[RUN]
        if self.measures(item):
            from pytest_agentperf.record.adopt import adopting

            run = item.stash[RUN] = Run(self, item)
            run.around.enter_context(adopting(self.record_mode))

    @contextmanager
    def measure(self, item: pytest.Item) -> Iterator[None]:
        """Around the test's body: record it, then judge it. Raises LimitExceeded, or Stopped for a stop, eaten or not."""
        run = item.stash.get(RUN, None)
        if run is None:
            yield
            return
        with self.guard:
            run.start()
        ending: BaseException | None = None
        try:
            yield
        except BaseException as error:  # noqa: BLE001  (raised again below, or what it was a consequence of)
            ending = error
        with self.guard:
            run.stop()
            run.judge()
        with self.guard:
            ending = run.verdict(ending)
        self.guard.bugs.extend(bug for bug in run.recorder.bugs if bug not in self.guard.bugs)
        if ending is not None:
            raise ending

    def attach(self, report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Put the result on pytest's report, which xdist carries to the controller."""
        run = item.stash.get(RUN, None)
        if run is None:
            return
        if call.when == "teardown":
            run.around.close()
            return
        if call.when == "call" and run.result:
            from pytest_agentperf.judge.limits import Failure, describe
            from pytest_agentperf.model.codec import to_json

            if call.excinfo and isinstance(call.excinfo.value, Failure):
                if report.failed:
                    report.longrepr = _in_our_words(call.excinfo)
            elif call.excinfo and run.result.violations:
                report.sections.append(("agentperf: limits, not judged", describe(run.result.violations)))
            result = replace(run.result, outcome=_outcome(report), worker=self.worker)
            report.agentperf = to_json(result)  # type: ignore[attr-defined]

    # -- after the tests -----------------------------------------------------------------------------------------------

    @property
    def worker(self) -> str:
        """xdist's name of this process; empty in the controller and without xdist."""
        return str(getattr(self.config, "workerinput", {}).get("workerid", ""))

    def collect(self, report: pytest.TestReport) -> None:
        if (data := getattr(report, "agentperf", None)) and not self.worker:
            self._tests[report.nodeid] = data

    def told_by(self, worker: dict[str, Any]) -> None:
        """What a worker has to say beside its tests. Ends the run where its collection met a usage error."""
        self.guard.bugs.extend(bug for bug in worker.get("bugs", ()) if bug not in self.guard.bugs)
        if problem := worker.get("usage_error"):
            pytest.exit(problem, returncode=pytest.ExitCode.USAGE_ERROR)

    def finish(self) -> None:
        if self.worker:
            self.config.workeroutput["agentperf"] = {  # type: ignore[attr-defined]
                "bugs": self.guard.bugs,
                "usage_error": self.usage_error,
            }
        elif self.settings.json_path:
            from pytest_agentperf.report.json_file import write

            write(self.report(), Path(self.settings.json_path))

    def report(self) -> Report:
        from pytest_agentperf.model.codec import from_json
        from pytest_agentperf.model.report import Report, TestRun
        from pytest_agentperf.price.cost import table_version

        tests = sorted(
            (from_json(TestRun, data) for data in self._tests.values()), key=lambda test: test.profile.nodeid
        )
        versions = {"pytest-agentperf": version("pytest-agentperf"), "prices": table_version() or "none"}
        return Report(
            tests=tuple(tests), notes=tuple(self.notes), bugs=tuple(self.guard.bugs), versions=tuple(versions.items())
        )

    def summarize(self, terminal: pytest.TerminalReporter) -> None:
        """Everything under `--agentperf`; else only what somebody must know."""
        lines: list[str] = []
        told = len(self.guard.bugs) if self.settings.enabled else 0
        with self.guard:
            lines = self._summary(terminal)
        for bug in self.guard.bugs[told if lines else 0 :]:  # what is broken may be the report itself
            lines.append(f"bug in agentperf, which changed no outcome; please report it: {bug}")
        for line in lines:
            terminal.write_line(line)

    def _summary(self, terminal: pytest.TerminalReporter) -> list[str]:
        if self.settings.enabled:
            from pytest_agentperf.report.terminal import render

            rows = len(self._tests) if self.config.option.verbose > 0 else 20
            return render(self.report(), width=get_terminal_size().columns, color=terminal.hasmarkup, max_rows=rows)
        if not self._tests:
            return []
        return [f"agentperf: {note}" for note in dict.fromkeys(n for t in self.report().tests for n in t.profile.notes)]


def _in_our_words(excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    """The message, in the shape that pytest, its plugins and JUnit expect: no frames of ours, no class before it."""
    shown = excinfo.getrepr(style="value", chain=False)
    if shown.reprcrash is not None:
        shown.reprcrash.message = str(excinfo.value)
    return shown


def _from_here(item: pytest.Item) -> str:
    """The node id as a command in the user's folder takes it."""
    path, *names = item.nodeid.split("::")
    return "::".join([os.path.relpath(item.config.rootpath / path, item.config.invocation_params.dir), *names])


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    return report.outcome


def run_of(item: pytest.Item) -> Run:
    if RUN not in item.stash:
        pytest.fail("agentperf could not prepare this test; the summary at the end says why", pytrace=False)
    return item.stash[RUN]
