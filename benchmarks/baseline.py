"""What baselines add to a run: 10,000 tests with two LLM calls each, a tenth of them changed.

    python benchmarks/baseline.py [TESTS]

Prints CPU seconds of each step (gate, causes, update, run.json, Markdown, HTML), their sum, what memory they add, and the
ratio of all of it to one thing that every run pays: making the profiles' JSON, as xdist carries it. Exits with 1 above
3 s or 300 MB a 10,000 tests.
"""

from __future__ import annotations

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
from pytest_agentperf.judge.baselines import Baselines, Tree, update
from pytest_agentperf.judge.causes import Explained, explain, group
from pytest_agentperf.judge.gate import priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.trace import Pricer
from pytest_agentperf.model.codec import to_json
from pytest_agentperf.model.report import Report, TestRun
from pytest_agentperf.report.formats import write

SECONDS, MEGABYTES = 3.0, 300


def main(tests: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        plans = [plan(seed, turns=(1, 3)) for seed in range(tests)]
        before = [
            priced(profile(f"tests/test_m{at % 100}.py::test_{at}", turns), PRICES) for at, turns in enumerate(plans)
        ]
        after = list(before)
        calls = sum(len(seen.calls) for seen in before) / tests
        print(f"{tests:,} tests with {calls:.1f} LLM calls each")
        for at in range(0, tests, 10):
            after[at] = priced(profile(before[at].nodeid, inject(at, plans[at])[0]), PRICES)
        runs = [TestRun(profile=seen, outcome="passed", new=True) for seen in before]
        update(Baselines(Tree(root), own_prices=PRICES), root, runs, {"new"})
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        usual = cpu(lambda: [to_json(seen) for seen in after])[0]
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
    store, pricer = Baselines(Tree(root), own_prices=PRICES), Pricer(PRICES)

    def gate() -> list[TestRun]:
        found = [(seen, store.compare(seen, {})) for seen in after]
        return [
            TestRun(profile=seen, outcome="failed" if one.fails else "passed", changes=one.changes, base=one.base)
            for seen, one in found
        ]

    def causes() -> Any:
        changed = [run for run in runs if run.base is not None]
        print(f"{len(changed):,} of {len(runs):,} tests changed")
        return group(
            Explained(
                nodeid=run.profile.nodeid,
                steps=explain(run.base or run.profile, priced(skeleton(run.profile), PRICES), pricer),
                calls=range(100),
            )
            for run in changed
        )

    steps["gate"], runs = cpu(gate)
    steps["causes"], found = cpu(causes)
    print(f"{len(found)} causes")
    steps["update"], _ = cpu(
        lambda: update(store, root, [replace(run, outcome="passed") for run in runs], {"worse", "better"})
    )
    report = Report(tests=tuple(runs), causes=found)
    for name in ("json", "markdown", "html"):
        steps[name], _ = cpu(partial(write, report, name, root / name))
    return steps


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
