"""The door: every pytest hook, a few lines each. What happens behind them is in `session.py`.

This module is imported by every pytest run in the environment, so it imports nothing that costs.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_agentperf import markers, options
from pytest_agentperf.fixtures import profiler, token_budget
from pytest_agentperf.session import SESSION, Session

__all__ = ["profiler", "token_budget"]


def pytest_addoption(parser: pytest.Parser) -> None:
    options.declare(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    options.part_from_paths(early_config.known_args_namespace, args)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return config.stash[SESSION].ignores(collection_path)


def pytest_configure(config: pytest.Config) -> None:
    markers.declare(config)
    session = config.stash[SESSION] = Session(config)
    with session.guard:
        session.open()
        config.pluginmanager.register(Collector(session), "agentperf-collector")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    session = config.stash[SESSION]
    with session.guard:
        session.plan(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    session = node.config.stash[SESSION]
    with session.guard:
        session.announce(ids)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    session = item.config.stash[SESSION]
    with session.guard:
        session.prepare(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    with item.config.stash[SESSION].measure(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    session = item.config.stash[SESSION]
    with session.guard:
        session.attach(report, item, call)
    if call.when == "teardown":
        with session.guard:
            session.forget(item)
    return report


class Collector:
    """Where reports arrive, xdist's too; a plugin object, because `pytest_runtest_logreport` is not told the config."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        with self.session.guard:
            self.session.collect(report)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.session.roll.collected.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed or (report.skipped and "::" in report.nodeid):  # a module that is skipped has no tests
            self.session.roll.unseen = True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    session = node.config.stash[SESSION]
    with session.guard:
        session.told_by(getattr(node, "workeroutput", {}).get("agentperf", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    own = session.config.stash[SESSION]
    with own.guard:
        own.finish(session.exitstatus)
    if own.problems and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.config.stash[SESSION].summarize(terminalreporter)


def pytest_unconfigure(config: pytest.Config) -> None:
    if session := config.stash.get(SESSION, None):
        with session.guard:
            session.close()
