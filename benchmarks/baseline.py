"""What baselines add to a run: 10,000 tests with two LLM calls each, a tenth of them changed, most of which are worse.

    python benchmarks/baseline.py [TESTS] [CHANGED, per cent]

Prints CPU seconds of each step (gate, causes, update, terminal, run.json, Markdown, HTML), their sum, what memory they add, and the
ratio of all of it to one thing that every run pays: making the profiles' JSON, as xdist carries it. Exits with 1 above
3 s or 300 MB a 10,000 tests.
"""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from generated import PRICES, inject, plan, profile
from pytest_agentperf.judge.baselines import Baselines, Tree
from pytest_agentperf.judge.causes import causes
from pytest_agentperf.judge.compared import Compared
from pytest_agentperf.judge.gate import priced
from pytest_agentperf.judge.updating import update
from pytest_agentperf.model.codec import to_text
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.formats import write
from pytest_agentperf.report.terminal import render

SECONDS, MEGABYTES = 3.0, 300


def main(tests: int, changed: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        plans = [plan(seed, turns=(1, 3)) for seed in range(tests)]
        before = [
            priced(profile(f"tests/test_m{at % 100}.py::test_{at}", turns), PRICES) for at, turns in enumerate(plans)
        ]
        after = list(before)
        calls = sum(len(seen.calls) for seen in before) / tests
        print(f"{tests:,} tests with {calls:.1f} LLM calls each")
        for at in range(0, tests, 100 // changed):
            after[at] = priced(profile(before[at].nodeid, inject(at, plans[at])[0]), PRICES)
        runs = [TestRun(profile=seen, outcome="passed", new=True) for seen in before]
        update(Baselines(Tree(root), own_prices=PRICES), root, runs, {"new"})
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        del runs
        gc.collect()
        gc.freeze()  # a run does not hold all of these at once, and its collector does not look at them
        usual = cpu(lambda: [to_text(seen) for seen in after])[0]
        steps = measure(root, after)
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    for step, seconds in steps.items():
        print(f"{step:10} {seconds:6.2f} s")
    total, scale = sum(steps.values()), tests / 10_000
    print(
        f"all        {total:6.2f} s, {more:.0f} MB, {total / usual:.1f} times the JSON of {tests:,} profiles ({usual:.2f} s)"
    )
    print(f"allowed: {SECONDS * scale:.2f} s, {MEGABYTES * scale:.0f} MB")
    return int(total > SECONDS * scale or more > MEGABYTES * scale)


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def measure(root: Path, after: list[Any]) -> dict[str, float]:
    """CPU seconds by step."""
    steps: dict[str, float] = {}
    store = Baselines(Tree(root), own_prices=PRICES)

    def gate() -> list[TestRun]:
        return [judged(seen, store.compare(seen, {})) for seen in after]

    steps["gate"], runs = cpu(gate)
    print(f"{sum(run.base is not None for run in runs):,} of {len(runs):,} tests changed")
    steps["causes"], found = cpu(lambda: causes(runs))
    print(f"{len(found)} causes")
    steps["update"], _ = cpu(
        lambda: update(store, root, [replace(run, outcome="passed") for run in runs], {"worse", "better"})
    )
    report = Report(tests=tuple(runs), causes=found, texts=tuple(map(to_text, runs)))  # as they travelled
    steps["terminal"], _ = cpu(lambda: render(report, width=100, color=False))
    for name in ("json", "markdown", "html"):
        steps[name], _ = cpu(partial(write, report, name, root / name))
    return steps


def judged(seen: Any, found: Compared) -> TestRun:
    """As a run does it: what fails is told why."""
    if found.fails:
        found.message("", seen.nodeid)
    outcome = "failed" if found.fails else "passed"
    return TestRun(profile=seen, outcome=outcome, changes=found.changes, base=found.base, steps=found.steps)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    raise SystemExit(main(*given, *(10_000, 10)[len(given) :]))
