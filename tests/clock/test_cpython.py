"""CPython's own tests with our patches, outside and inside of a bubble: what passes without us, passes with us."""

import functools
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        importlib.util.find_spec("test.test_asyncio") is None, reason="this Python has no tests with it"
    ),
]

MODULES = [
    *("test_queue", "test_sched", "test_selectors", "test_threading"),
    *(f"test_asyncio.test_{name}" for name in ("events", "locks", "runners", "sock_lowlevel", "sslproto", "streams")),
    *(f"test_asyncio.test_{name}" for name in ("subprocess", "taskgroups", "tasks", "timeouts", "waitfor")),
]
NOT_OUTSIDE = {
    r"ThreadTests\.test_disallow_instantiation": "asks the class of a lock, which is ours, to refuse to be called",
}
NOT_INSIDE = NOT_OUTSIDE | {
    r"\.test_\w*signal\w*$": "timers of signals are real",
    r"Subprocess(Safe|Fast)WatcherTests\.test_(communicate|communicate_none_input|stdin_stdout)$": (
        "these watchers, gone since 3.14, learn of a child's end by a signal only"
    ),
    r"SubinterpThreadingTests\.test_threads_join_with_no_main": (
        "sys._current_frames() crashes Python 3.12 and 3.13 while another interpreter runs"
    ),
}


@functools.cache
def failures(mode, module):
    skipped = {"plain": {}, "outside": NOT_OUTSIDE, "inside": NOT_INSIDE}[mode]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("run_cpython.py"), mode, f"test.{module}", *skipped],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "\nRESULT " in done.stdout, done.stderr
    result = json.loads(done.stdout.rpartition("\nRESULT ")[2])
    assert result["run"] > 0
    return result["failed"]


@pytest.mark.parametrize("mode", ["outside", "inside"])
@pytest.mark.parametrize("module", MODULES)
def test_what_passes_without_us_passes_with_us(module, mode):
    assert failures(mode, module).keys() <= failures("plain", module).keys(), failures(mode, module)
