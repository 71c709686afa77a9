"""Who does not use the plugin pays nothing: what a session without agents must not import."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FOREIGN = {
    *("aiohttp", "anthropic", "asyncio", "genai_prices", "httpx", "httpx2", "openai", "pydantic", "requests"),
    *("simpy", "tiktoken", "trio", "urllib3", "vcr", "yaml"),
}
OWN = {"analyze", "clock", "decode", "model", "pipeline", "price", "profiler", "record", "report"}

PRINT_MODULES = """
import sys

def pytest_unconfigure(config):
    print("\\nIMPORTED", *sorted(sys.modules))
"""


def imported_in(folder, *options: str) -> set[str]:
    """The modules at the end of a session over one empty test, of pytest without any plugin and these options."""
    (folder / "conftest.py").write_text(PRINT_MODULES)
    (folder / "test_empty.py").write_text("def test_empty(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("IMPORTED"))
    return set(line.split()[1:])


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """What the plugin adds to an unused session."""
    without = imported_in(tmp_path_factory.mktemp("without"))
    return imported_in(tmp_path_factory.mktemp("with"), "-p", "pytest_agentperf.plugin") - without


def test_no_heavy_library_is_imported(added):
    assert FOREIGN & {module.partition(".")[0] for module in added} == set()


def test_no_room_of_our_own_is_imported(added):
    assert "pytest_agentperf.plugin" in added
    assert {f"pytest_agentperf.{name}" for name in OWN} & added == set()
