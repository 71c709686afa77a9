"""Sessions over agents of a framework, each in a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_agentperf.report.json_file import read

QUIET = {
    "AGNO_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OPENAI_API_KEY": "fake",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # frameworks bring plugins of their own, which take seconds
}
"""Nothing is to leave this machine."""
FLAGS = ("-q", "-p", "agentperf", "-p", "no:cacheprovider", "--agentperf", "--agentperf-json=run.json")


@pytest.fixture
def agents(pytester, monkeypatch):
    """`agents(file, *options, passed=3, PROVIDER_URL=...)`: run a file of `session/` in this environment; what it reports.

    All tests of it, so many, must pass.
    """
    pytester.makeini("[pytest]\npythonpath = .\nfilterwarnings = ignore\n")
    shutil.copytree(Path(__file__).parent / "session", pytester.path, dirs_exist_ok=True)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)

    def agents(file, *options, passed, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        result = pytester.runpytest_subprocess(file, *FLAGS, *options, timeout=240)
        result.assert_outcomes(passed=passed)
        report = read(pytester.path / "run.json")
        assert report.bugs == ()
        return report.tests

    return agents
