"""One test that is measured, from its setup to the report that pytest makes of it. Loaded with the first of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from pytest_agentperf import node_id
from pytest_agentperf.clock.bubble import Bubble, bubble
from pytest_agentperf.clock.parts import ClockError
from pytest_agentperf.judge.budget import TokenBudget
from pytest_agentperf.judge.cassettes import Unplayed, unplayed
from pytest_agentperf.judge.findings import broken, told
from pytest_agentperf.judge.limits import Failure, LimitExceeded, Stopped, check, describe, unjudged
from pytest_agentperf.model.cassette import CassetteUse
from pytest_agentperf.model.codec import to_text
from pytest_agentperf.model.miss import Miss
from pytest_agentperf.model.profile import ClockKind
from pytest_agentperf.model.report import TestRun
from pytest_agentperf.orders import Orders
from pytest_agentperf.pipeline import miss
from pytest_agentperf.profiler import Profiler
from pytest_agentperf.publish import properties
from pytest_agentperf.record.adopt import adopting
from pytest_agentperf.record.miss import CassetteMiss
from pytest_agentperf.record.mode import CassetteError
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.seam import Opened, cassettes_opened, route
from pytest_agentperf.record.taps.live import installed

CLOCKS = {"virtual": ClockKind.VIRTUAL, "instant": ClockKind.INSTANT, "real": ClockKind.REAL}


class Run:
    """Nothing happens yet but that cassettes, which fixtures open, become ours."""

    def __init__(self, item: pytest.Item, orders: Orders) -> None:
        self.item = item
        self.orders = orders
        self.clock = CLOCKS[orders.pace]
        self.recorder = Recorder(
            clock=self.clock, replay_waits=self.clock is not ClockKind.INSTANT, sees_tools=orders.tools != "off"
        )
        self.recorder.latency_rules = orders.latency_rules
        self.recorder.nodeid = node_id.from_folder(
            item.config.invocation_params.dir, item.config.rootpath, node_id.of(item)
        )
        self.bubble: Bubble | None = None
        self.clock_error: ClockError | None = None
        self.unwatched: Iterable[str] = ()
        """What the taps cannot see, a sentence each."""
        self.result: TestRun | None = None
        self.regression: Failure | None = None
        self._open = ExitStack()
        self._around = ExitStack()
        self._cassettes = self._around.enter_context(cassettes_opened())
        self._opened_before = len(self._cassettes)
        self._unplayed: list[str] = []
        self._around.enter_context(adopting(orders.record_mode, orders.house))

    @cached_property
    def profiler(self) -> Profiler:
        return Profiler(
            self.recorder,
            nodeid=node_id.of(self.item),
            own_prices=self.orders.own_prices,
            baselines=self.orders.baselines,
            estimates_judge=self.orders.estimates_judge,
            thresholds=self.orders.thresholds,
        )

    @cached_property
    def budget(self) -> TokenBudget:
        budget = TokenBudget(self.recorder.recording, self.orders.own_prices)
        self.recorder.gates.append(budget.gate)
        return budget

    @property
    def _budgeted(self) -> bool:
        return "budget" in self.__dict__

    def close(self) -> None:
        """The test is over, its fixtures too: nothing of it stays, whatever went wrong before."""
        with self._around:
            self._open.close()

    def start(self) -> None:
        """The test's body begins: taps in, clock on, recorder open."""
        with ExitStack() as stack:
            self.unwatched = stack.enter_context(installed())
            if self.clock is ClockKind.VIRTUAL:
                self.bubble = stack.enter_context(bubble(epoch=self._epoch()))
            stack.enter_context(self.recorder)
            if self.orders.tools != "off":
                from pytest_agentperf.record.probes.probing import probing
                from pytest_agentperf.record.tools.sources import watching

                stack.enter_context(watching(self.recorder, self.orders.tools))
                stack.enter_context(probing(self.recorder, audits=self.orders.audits))
            if any(limit.metric == "memory" for limit in self.orders.limits):
                from pytest_agentperf.record.memory import peak_memory

                stack.enter_context(peak_memory(self.recorder))
            self._open = stack.pop_all()

    def when_over(self, check: Callable[[], None]) -> None:
        """Called at the end of the test's body, before it is judged."""
        self._open.callback(check)

    def _epoch(self) -> float | None:
        """What the wall clock shows at the start; None: the present."""
        if self.orders.epoch == "now":
            return None
        if self.orders.epoch != "recorded":
            return self.orders.epoch
        date = route.player.recorded_at() if route.player else None
        if date is None:
            self.recorder.note("agentperf_wall_clock: no cassette is open that states its date; the clock starts now")
        return date

    def stop(self) -> None:
        if route.player is not None and route.player.door is not None:
            self.unwatched = (*self.unwatched, *route.player.door.bypassed())
        try:
            self._open.close()
        except ClockError as error:
            self.clock_error = error
        for problem in self.unwatched:
            self.recorder.note(problem)
        if self.bubble:
            self.recorder.unmodelled = self.bubble.unmodelled
            if self.bubble.real_wait_ns:
                real_ms = self.bubble.real_wait_ns // 1_000_000
                self.recorder.note(f"latency is partly real: {real_ms} ms of it differ from run to run")

    def judge(self, ending: BaseException | None) -> None:
        """Make the profile, hold it against the limits, and where the body passed, against its baseline."""
        orders, budget = self.orders, self.budget if self._budgeted else None
        limits = (*orders.limits, *(budget.limits if budget else ()))
        priced = (
            orders.priced or any(limit.metric == "cost" for limit in limits) or bool(budget and budget.counts_money)
        )
        seen = replace(told(self.profiler.profile(priced=priced), orders.policy.ignore), cassettes=self._uses())
        failing = broken(seen, orders.policy)
        seen = replace(seen, misses=tuple(self._misses()))
        if note := unjudged(seen, orders.limits):
            seen = replace(seen, notes=(*seen.notes, note))
        if self.recorder.bugs:  # what was not seen cannot be held against the test
            seen = replace(seen, notes=(*seen.notes, "limits were not judged, because of a bug in agentperf"))
            limits, failing = (), ()
        elif self.recorder.stops and not seen.calls:
            limits = ()  # it was stopped before its first call
        self.result = TestRun(
            profile=seen,
            outcome="",
            stopped=str(self._stops[0]).partition("\n")[0] if self._stops else "",
            violations=(*check(seen, limits), *failing),
            where=_where(self.item),
        )
        if orders.gate and ending is None and not self._told and not self._stops and not self.recorder.bugs:
            found, self.regression = orders.gate(seen)
            self.result = replace(
                self.result, changes=found.changes, base=found.base, steps=found.steps, held=found.held, new=found.new
            )

    def _uses(self) -> tuple[CassetteUse, ...]:
        """What was had of each cassette that was open in the body; where that matters, what of its own was left."""
        opened = self._cassettes[self._opened_before :]
        own = [tape for tape in opened if tape.closed]  # one that is open may be of several tests
        if self.item.get_closest_marker("vcr"):
            innermost: object = route.player
            own += [tape for tape in opened if tape is innermost]
        if self.orders.unplayed_fail:
            self._unplayed = [sentence for tape in own if (sentence := unplayed(self._use(tape)))]
        return tuple(self._use(tape) for tape in self._cassettes)

    def _use(self, tape: Opened) -> CassetteUse:
        use, root = tape.use(), self.item.config.rootpath
        path = Path(use.path)
        return replace(use, path=(path.relative_to(root) if path.is_relative_to(root) else path).as_posix())

    def _misses(self) -> Iterator[Miss]:
        """What was asked and not recorded, each once: threads ask alike."""
        told = set()
        for stop in self.recorder.stops:
            if (
                isinstance(stop, CassetteMiss)
                and stop.refused
                and (found := miss(stop.refused, self.orders.own_prices))
            ):
                if found.asked.prompt not in told:
                    yield found
                told.add(found.asked.prompt)

    @property
    def _stops(self) -> list[BaseException]:
        """What ended the agent in mid-run."""
        return [*self.recorder.stops, *filter(None, [self.clock_error])]

    def verdict(self, ending: BaseException | None) -> BaseException | None:
        """What the test ends with, where its body ended with `ending`.

        A stop wins over what the agent made of it; limits judge only a body that passed.
        """
        if isinstance(ending, (KeyboardInterrupt, pytest.exit.Exception)):
            return ending
        expected = _expects_failure(self.item)
        failure = self._failure(passed=ending is None and (expected or not self._told))
        if failure is None:
            return ending
        if expected and any(isinstance(info.value, pytest.xfail.Exception) for info in self._told):
            return ending
        self._told.clear()
        return pytest.xfail.Exception(str(failure)) if expected else failure

    def _failure(self, *, passed: bool) -> Failure | None:
        if self._stops:
            return Stopped(self._stops)
        if not passed:
            return None
        if self.result and self.result.violations:
            failure = LimitExceeded(self.result.violations)
            if self.regression:
                failure.args = (f"{failure}\n{self.regression}",)
            return failure
        if self._unplayed and not (self.regression or self.recorder.bugs):
            return Unplayed(self._unplayed, self.recorder.nodeid)
        return self.regression

    @property
    def _told(self) -> list[pytest.ExceptionInfo[BaseException]]:
        """Where pytest keeps the failures of a unittest.TestCase."""
        return getattr(self.item, "_excinfo", None) or []

    def attach(self, report: pytest.TestReport, call: pytest.CallInfo[None], worker: str) -> None:
        """Put the result on pytest's report, which xdist carries to the controller."""
        if call.excinfo and report.failed and isinstance(call.excinfo.value, (Failure, CassetteError)):
            report.longrepr = _in_our_words(call.excinfo)
        if call.when != "call" or self.result is None:
            return
        if call.excinfo and self.result.violations and not isinstance(call.excinfo.value, Failure):
            report.sections.append(("agentperf: limits, not judged", describe(self.result.violations)))
        if self.item.config.getoption("xmlpath", None):
            self.item.user_properties[:] = properties(self.item.user_properties, self.result.profile)
        report.agentperf = to_text(  # type: ignore[attr-defined]
            replace(self.result, outcome=_outcome(report), worker=worker)
        )


def _in_our_words(excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    """The message, in the shape that pytest, its plugins and JUnit expect: no frames of ours, no class before it."""
    shown = excinfo.getrepr(style="value", chain=False)
    if shown.reprcrash is not None:
        shown.reprcrash.message = str(excinfo.value)
    return shown


def _where(item: pytest.Item) -> str:
    path, line, _ = item.location
    return path if line is None else f"{path}:{line + 1}"


def _expects_failure(item: pytest.Item) -> bool:
    """Whether `unittest.expectedFailure` marks the test or its class."""
    marked = (getattr(item, "obj", None), getattr(item, "cls", None))
    return any(getattr(thing, "__unittest_expecting_failure__", False) for thing in marked)


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    return report.outcome
