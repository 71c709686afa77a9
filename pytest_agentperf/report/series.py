"""Numbers of each test for services that draw their history: pytest-benchmark's JSON, and `customSmallerIsBetter`."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from typing import Any

from pytest_agentperf.model.metric import METRICS, known_numbers
from pytest_agentperf.model.number import plain_number
from pytest_agentperf.model.report import Report, TestRun


def pytest_benchmark(report: Report) -> str:
    """The shape of `pytest --benchmark-json`: a benchmark a test with a known latency, in seconds, one round.

    Every other number is in `extra_info`.
    """
    document = {
        "machine_info": {
            "node": platform.node(),
            "machine": platform.machine(),
            "system": platform.system(),
            "python_implementation": platform.python_implementation(),
            "python_version": platform.python_version(),
            "cpu": {},
        },
        "commit_info": {
            "id": report.commit or "unversioned",
            "time": None,
            "project": "",
            "branch": "",
            "dirty": False,
        },
        "benchmarks": [entry for run in report.tests if (entry := _benchmark(run))],
        "datetime": datetime.now(UTC).isoformat(),
        "version": "5.1.0",
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _benchmark(run: TestRun) -> dict[str, Any] | None:
    numbers = known_numbers(run.profile)
    if "latency" not in numbers or not run.profile.calls:
        return None
    seconds = run.profile.latency_ns / 1e9
    name = run.profile.nodeid.rpartition("/")[2].partition("::")[2] or run.profile.nodeid
    at_all = ("min", "max", "mean", "median", "q1", "q3", "hd15iqr", "ld15iqr", "total")
    none = ("stddev", "iqr", "iqr_outliers", "stddev_outliers")
    return {
        "group": None,
        "name": name,
        "fullname": run.profile.nodeid,
        "params": None,
        "param": None,
        "extra_info": {key: plain_number(value) for key, value in numbers.items()},
        "options": {"disable_gc": False, "timer": "perf_counter", "min_rounds": 1, "max_time": 1.0, "warmup": False},
        "stats": {
            **dict.fromkeys(at_all, seconds),
            **dict.fromkeys(none, 0),
            "outliers": "0;0",
            "rounds": 1,
            "iterations": 1,
            "ops": 1 / seconds if seconds else 0,
            "data": [seconds],
        },
    }


def smaller_is_better(report: Report) -> str:
    """A list of name, unit and value, as github-action-benchmark reads it; what is better higher is left out."""
    entries = []
    for run in report.tests:
        numbers = known_numbers(run.profile) if run.profile.calls else {}
        for name, value in numbers.items():
            metric = METRICS[name]
            if metric.better == "lower" and metric.exact:
                entries.append(
                    {"name": f"{run.profile.nodeid} {metric.label}", "unit": metric.unit, "value": plain_number(value)}
                )
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
