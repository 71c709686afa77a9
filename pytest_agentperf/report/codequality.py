"""GitLab's code quality report: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""

from __future__ import annotations

import json
from collections import Counter

from pytest_agentperf.analyze.text import plain
from pytest_agentperf.model.report import Report
from pytest_agentperf.report.problems import problems

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(report: Report) -> str:
    """A problem an entry. Its fingerprint holds no measured value, so that it is the same issue in every pipeline."""
    seen: Counter[str] = Counter()
    entries = []
    for problem in problems(report):
        seen[problem.fingerprint] += 1
        again = f"-{seen[problem.fingerprint]}" if seen[problem.fingerprint] > 1 else ""
        entries.append(
            {
                "description": plain(problem.text),
                "check_name": f"agentperf/{problem.check}",
                "fingerprint": problem.fingerprint + again,
                "severity": _SEVERITIES[problem.severity],
                "location": {"path": problem.path or "pyproject.toml", "lines": {"begin": problem.line}},
            }
        )
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
